"""The self-correction loop: sample, judge, correct at a middle noise level, resume, judge, keep the best."""
