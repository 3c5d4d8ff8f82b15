"""Component laws. Each file enrols one; ``lookup(name)`` finds it."""

from mixot.families.base import Family as Family
from mixot.families.registry import lookup as lookup
from mixot.families.registry import register as register
from mixot.families.registry import registered as registered
