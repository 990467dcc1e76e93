"""The self-correction loop: sample, judge, correct at a mid noise_level, resume, judge, keep the best."""
