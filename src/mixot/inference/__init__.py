"""What can be said about an answer: certificates."""
