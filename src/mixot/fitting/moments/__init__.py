"""The closest mixture by its moments, with a bound that relaxations prove."""
