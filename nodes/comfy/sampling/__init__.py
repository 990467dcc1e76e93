"""MODEL, LATENT and CONDITIONING as the library's sampler, and guidance inside of any sampler."""
