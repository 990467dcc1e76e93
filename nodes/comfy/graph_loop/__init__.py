"""The loop as a graph: copies of its body, what flows from its start to its end, what a failure leaves."""
