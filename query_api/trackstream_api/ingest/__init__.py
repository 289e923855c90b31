"""Events that clients have made themselves: each is checked as a call of the API would be."""
