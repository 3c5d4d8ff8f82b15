"""Shapes in annotations, checked in tests and free for users.

Annotations say ``Float[np.ndarray, "n d"]``. The tests read them with jaxtyping, which they import before mixot; type
checkers see the array, everybody else gets a placeholder, so that jaxtyping is no dependency.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # to a type checker the shape is a note on the array, as in jaxtyping itself
    from typing import Annotated as Bool
    from typing import Annotated as Float
    from typing import Annotated as Int
    from typing import Annotated as Num

    from numpy.typing import ArrayLike as ArrayLike
elif "jaxtyping" in sys.modules:
    from jaxtyping import Bool as Bool
    from jaxtyping import Float as Float
    from jaxtyping import Int as Int
    from jaxtyping import Num as Num
else:

    class _AnyShape:
        def __class_getitem__(cls, _: Any) -> Any:
            return Any

    Bool = Float = Int = Num = _AnyShape

if not TYPE_CHECKING:
    ArrayLike = Any  # what a user may pass for an array: the constructors check it themselves, and say what is wrong
