"""Maximum likelihood by expectation-maximisation."""
