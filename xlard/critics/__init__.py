"""Critics: multimodal language models that judge a picture against claims."""
