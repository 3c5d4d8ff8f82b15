"""Component laws. Each file enrols one; ``lookup(name)`` finds it."""

from mixot.families.base import Family as Family
from mixot.families.base import lookup as lookup
from mixot.families.base import registered as registered
