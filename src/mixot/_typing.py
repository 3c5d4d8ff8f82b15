"""What type checkers read besides shapes: the law that a mixture is of, and what may come in.

At run time the laws are plain type parameters, and what comes in is anything: the verbs check it themselves, and say
what is wrong.
"""

from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal, Protocol, Required, SupportsIndex, TypeAlias

    import numpy as np
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import TypeVar as TypeVarWithDefault  # the checker's own; nothing imports it

    from mixot.families.base import Family
    from mixot.fitting.base import Fitter
    from mixot.fitting.moments.moment_sos import MomentSOS
    from mixot.fitting.wasserstein.minimum_wasserstein import MinimumWasserstein
    from mixot.measures import Measure
    from mixot.mixture import Mixture
    from mixot.results import ProgressCallback

    class Frame(Protocol):
        """A table of named columns: of pandas, polars, Arrow, or their like."""

        def __getitem__(self, key: Any, /) -> Any: ...
        def to_numpy(self) -> Any: ...

    class ArrowTable(Protocol):
        """A table that gives itself to pandas."""

        def __getitem__(self, key: Any, /) -> Any: ...
        def to_pandas(self) -> Any: ...

    class LazyFrame(Protocol):
        """A table that is read when it is collected."""

        def collect_schema(self) -> Any: ...
        def collect(self) -> Any: ...

    class ArrowStream(Protocol):
        """Columns that come through the Arrow PyCapsule interface."""

        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...

    class Picture(Protocol):
        """A picture of PIL."""

        def getbands(self) -> tuple[str, ...]: ...
        def convert(self, mode: Any = ..., /) -> Any: ...

    # Of a class that holds laws and hands them out, so that a mixture of Gaussians is one of families, too. Its default
    # makes `Mixture` alone one of any family: the checker then knows what every family has.
    Law = TypeVarWithDefault("Law", bound=Family, covariant=True, default=Family)
    F = TypeVar("F", bound=Family)  # of a function

    class Found(Protocol[Law]):
        """What holds a mixture: a fit, a barycenter."""

        @property
        def mixture(self) -> Mixture[Law]: ...

    MixtureLike: TypeAlias = Mixture[F] | Found[F]
    DataLike: TypeAlias = (
        Measure
        | Found[Family]
        | ArrayLike
        | tuple[ArrayLike | Frame | ArrowTable | LazyFrame | ArrowStream, ArrayLike]
        | Frame
        | ArrowTable
        | LazyFrame
        | ArrowStream
        | Picture
    )
    Listed: TypeAlias = Iterable[DataLike]
    Index: TypeAlias = SupportsIndex | slice | Sequence[int] | Sequence[bool] | NDArray[np.integer[Any] | np.bool_]
    Seed: TypeAlias = (
        int | np.integer[Any] | Sequence[int] | np.random.SeedSequence | np.random.BitGenerator | np.random.Generator
    )

    # The options of `mixot.fit`; method and structure say, besides the name of the family, what comes out.

    class Options(TypedDict, total=False):
        """Those that change no type."""

        k: SupportsIndex | None
        weights: ArrayLike | None
        counts: ArrayLike | None
        rng: Seed | None
        progress: ProgressCallback | None

    class Given(Options, total=False):
        """Of any method and structure."""

        method: Fitter | str
        structure: str

    class GivenFull(Options, total=False):
        """Covariances with all their entries, which is the default."""

        method: Fitter | str
        structure: Literal["full", "tied", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"]

    class GivenDiagonal(Options, total=False):
        """Covariances without correlations."""

        method: Fitter | str
        structure: Required[Literal["diagonal", "spherical", "EII", "VII", "EEI", "VEI", "EVI", "VVI"]]

    class FromMoments(Options, total=False):
        """By moment relaxations."""

        method: Required[MomentSOS | Literal["moments"]]
        structure: str

    class FromMomentsFull(Options, total=False):
        """By moment relaxations, covariances with all their entries."""

        method: Required[MomentSOS | Literal["moments"]]
        structure: Literal["full", "tied"]

    class Nearest(Options, total=False):
        """The least W2."""

        method: Required[MinimumWasserstein | Literal["wasserstein"]]
        structure: str

    class NearestFull(Options, total=False):
        """The least W2, covariances with all their entries."""

        method: Required[MinimumWasserstein | Literal["wasserstein"]]
        structure: Literal["full", "tied"]

else:
    Law = TypeVar("Law", covariant=True)
    F = TypeVar("F")
    DataLike = Frame = Index = Listed = Seed = Any
    Given = GivenFull = GivenDiagonal = FromMoments = FromMomentsFull = Nearest = NearestFull = TypedDict("Given", {})

    class MixtureLike:
        """Anything, whatever law it is of."""

        def __class_getitem__(cls, _: Any) -> Any:
            return Any

    Found = MixtureLike
