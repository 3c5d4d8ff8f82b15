"""What can be said about an answer: certificates, tests and intervals."""

from mixot.inference.certificate import Certificate, Rival, Rung
from mixot.inference.certification import certify

__all__ = ["Certificate", "Rival", "Rung", "certify"]
