"""Shapes in annotations, checked in tests and free for users.

Annotations say ``Float[np.ndarray, "n d"]``. Type checkers and the tests read them with jaxtyping, which the tests
import before mixot; everybody else gets a placeholder, so that jaxtyping is no dependency.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike as ArrayLike
else:
    ArrayLike = Any  # what a user may pass for an array: the constructors check it themselves, and say what is wrong

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Bool as Bool
    from jaxtyping import Float as Float
    from jaxtyping import Int as Int
    from jaxtyping import Num as Num
else:

    class _AnyShape:
        def __class_getitem__(cls, _: Any) -> Any:
            return Any

    Bool = Float = Int = Num = _AnyShape
