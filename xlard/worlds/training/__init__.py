"""What the trainings of several worlds share."""
