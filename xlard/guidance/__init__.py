"""What steers sampling: x0 predictions that are changed on their way, by a corrector or by the gradient of a reward
head.
"""
