"""The self-correction loop: sample, judge, correct at a mid sigma, resume, judge, keep the best."""
