"""Where runs of EM begin, and where they are sent from where they stand."""
