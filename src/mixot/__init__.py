"""Mixture models as measures that are fitted, compared, interpolated and transported, with proofs.

Every public name is loaded on first use, so that ``import mixot`` costs next to nothing.
"""

TYPE_CHECKING = False  # as in typing, which takes longer to load than all that is loaded here

if TYPE_CHECKING:
    from mixot.errors import AccuracyWarning as AccuracyWarning
    from mixot.errors import InputError as InputError
    from mixot.errors import MixotError as MixotError
    from mixot.errors import SolveError as SolveError
    from mixot.errors import UnsupportedError as UnsupportedError
    from mixot.families.elliptical.diagonal import DiagonalGaussian as DiagonalGaussian
    from mixot.families.elliptical.gaussian import Gaussian as Gaussian
    from mixot.families.elliptical.student import StudentT as StudentT
    from mixot.families.line.bernoulli import Bernoulli as Bernoulli
    from mixot.families.line.binomial import Binomial as Binomial
    from mixot.families.line.categorical import Categorical as Categorical
    from mixot.families.line.exponential import Exponential as Exponential
    from mixot.families.line.gamma import Gamma as Gamma
    from mixot.families.line.inverse_gamma import InverseGamma as InverseGamma
    from mixot.families.line.laplace import Laplace as Laplace
    from mixot.families.line.lognormal import LogNormal as LogNormal
    from mixot.families.line.negative_binomial import NegativeBinomial as NegativeBinomial
    from mixot.families.line.poisson import Poisson as Poisson
    from mixot.families.line.rayleigh import Rayleigh as Rayleigh
    from mixot.families.line.weibull import Weibull as Weibull
    from mixot.families.line.zero_inflated import ZeroInflatedNegativeBinomial as ZeroInflatedNegativeBinomial
    from mixot.families.line.zero_inflated import ZeroInflatedPoisson as ZeroInflatedPoisson
    from mixot.families.product import Product as Product
    from mixot.fitting.joint.component_choice import ComponentChoice as ComponentChoice
    from mixot.fitting.joint.component_choice import choose_components as choose_components
    from mixot.fitting.joint.component_pairs import ComponentPair as ComponentPair
    from mixot.fitting.joint.component_search import ComponentSearch as ComponentSearch
    from mixot.fitting.joint.joint_em import JointEM as JointEM
    from mixot.fitting.joint.joint_em import JointFit as JointFit
    from mixot.fitting.joint.joint_em import fit_pair as fit_pair
    from mixot.fitting.joint.joint_em import joint_path as joint_path
    from mixot.fitting.likelihood.em import EM as EM
    from mixot.fitting.likelihood.family_em import FamilyEM as FamilyEM
    from mixot.fitting.likelihood.priors import NormalInverseWishart as NormalInverseWishart
    from mixot.fitting.moments.moment_matching import MomentMatching as MomentMatching
    from mixot.fitting.moments.moment_sos import MomentSOS as MomentSOS
    from mixot.fitting.wasserstein.minimum_wasserstein import MinimumWasserstein as MinimumWasserstein
    from mixot.fitting.wasserstein.minimum_wasserstein import WassersteinFit as WassersteinFit
    from mixot.formulas.polynomial.regions import Ball as Ball
    from mixot.formulas.polynomial.regions import Box as Box
    from mixot.formulas.polynomial.regions import Inequality as Inequality
    from mixot.formulas.polynomial.regions import Linear as Linear
    from mixot.incomplete import Incomplete as Incomplete
    from mixot.inference.certificate import Certificate as Certificate
    from mixot.inference.certificate import Rival as Rival
    from mixot.inference.certificate import Rung as Rung
    from mixot.inference.certification import certify as certify
    from mixot.inference.classification import ClassMixtures as ClassMixtures
    from mixot.inference.classification import CrossValidation as CrossValidation
    from mixot.inference.classification import cross_validate as cross_validate
    from mixot.inference.classification import fit_classes as fit_classes
    from mixot.inference.combining import Combination as Combination
    from mixot.inference.combining import combine as combine
    from mixot.inference.e_values import EValue as EValue
    from mixot.inference.intervals import DistanceInterval as DistanceInterval
    from mixot.inference.intervals import distance_interval as distance_interval
    from mixot.inference.one_component import OneComponentTest as OneComponentTest
    from mixot.inference.one_component import test_one_component as test_one_component
    from mixot.inference.split_test import split_test as split_test
    from mixot.inference.two_sample import TwoSampleTest as TwoSampleTest
    from mixot.inference.two_sample import two_sample_test as two_sample_test
    from mixot.io import load as load
    from mixot.io import read as read
    from mixot.io import save as save
    from mixot.measures import Grid as Grid
    from mixot.measures import Measure as Measure
    from mixot.measures import Moments as Moments
    from mixot.measures import Samples as Samples
    from mixot.measures import as_measure as as_measure
    from mixot.mixture import Mixture as Mixture
    from mixot.results import Fit as Fit
    from mixot.results import Interval as Interval
    from mixot.results import Level as Level
    from mixot.results import MomentFit as MomentFit
    from mixot.results import MultiPlan as MultiPlan
    from mixot.results import Plan as Plan
    from mixot.results import Progress as Progress
    from mixot.results import Status as Status
    from mixot.solvers.discrete.exact import Exact as Exact
    from mixot.solvers.discrete.partial import PartialPlan as PartialPlan
    from mixot.solvers.entropic.omt import OMT as OMT
    from mixot.solvers.entropic.omt_plan import OMTPlan as OMTPlan
    from mixot.solvers.entropic.stability import Stability as Stability
    from mixot.solvers.multimarginal.multi_marginal import MultiMarginal as MultiMarginal
    from mixot.solvers.sdp.interior_point import SDP as SDP
    from mixot.solvers.semidiscrete.plan import SemidiscretePlan as SemidiscretePlan
    from mixot.solvers.semidiscrete.semidiscrete import Semidiscrete as Semidiscrete
    from mixot.sos.sample_moments import SampleMoments as SampleMoments
    from mixot.transport.barycenter import Barycenter as Barycenter
    from mixot.transport.fixed_point import FixedPoint as FixedPoint
    from mixot.transport.geodesic import Geodesic as Geodesic
    from mixot.transport.geodesic import Interpolation as Interpolation
    from mixot.transport.given_components import GivenComponents as GivenComponents
    from mixot.transport.maps import TransportMap as TransportMap
    from mixot.transport.quantize import Quantization as Quantization
    from mixot.transport.quantize import quantize as quantize
    from mixot.transport.reduction import Reduction as Reduction
    from mixot.transport.reduction import reduce as reduce
    from mixot.transport.sliced import SlicedCosts as SlicedCosts
    from mixot.transport.sliced import sliced_costs as sliced_costs
    from mixot.transport.sliced import sliced_distance as sliced_distance
    from mixot.verbs import barycenter as barycenter
    from mixot.verbs import bounds as bounds
    from mixot.verbs import distance as distance
    from mixot.verbs import distances as distances
    from mixot.verbs import fit as fit
    from mixot.verbs import geodesic as geodesic
    from mixot.verbs import plan as plan
    from mixot.verbs import transport_map as transport_map

__version__ = "0.1.0"

_HOME = {
    "errors": ("MixotError", "InputError", "UnsupportedError", "SolveError", "AccuracyWarning"),
    "results": ("Fit", "Interval", "Level", "MomentFit", "MultiPlan", "Plan", "Progress", "Status"),
    "measures": ("Measure", "Samples", "Grid", "Moments", "as_measure"),
    "incomplete": ("Incomplete",),
    "families.elliptical.gaussian": ("Gaussian",),
    "families.elliptical.diagonal": ("DiagonalGaussian",),
    "families.elliptical.student": ("StudentT",),
    "families.line.exponential": ("Exponential",),
    "families.line.gamma": ("Gamma",),
    "families.line.laplace": ("Laplace",),
    "families.line.lognormal": ("LogNormal",),
    "families.line.negative_binomial": ("NegativeBinomial",),
    "families.line.poisson": ("Poisson",),
    "families.line.bernoulli": ("Bernoulli",),
    "families.line.binomial": ("Binomial",),
    "families.line.categorical": ("Categorical",),
    "families.line.inverse_gamma": ("InverseGamma",),
    "families.line.rayleigh": ("Rayleigh",),
    "families.line.weibull": ("Weibull",),
    "families.line.zero_inflated": ("ZeroInflatedNegativeBinomial", "ZeroInflatedPoisson"),
    "families.product": ("Product",),
    "mixture": ("Mixture",),
    "solvers.discrete.exact": ("Exact",),
    "solvers.discrete.partial": ("PartialPlan",),
    "solvers.entropic.omt": ("OMT",),
    "solvers.entropic.omt_plan": ("OMTPlan",),
    "solvers.multimarginal.multi_marginal": ("MultiMarginal",),
    "solvers.sdp.interior_point": ("SDP",),
    "solvers.semidiscrete.plan": ("SemidiscretePlan",),
    "solvers.semidiscrete.semidiscrete": ("Semidiscrete",),
    "solvers.entropic.stability": ("Stability",),
    "fitting.joint.component_choice": ("ComponentChoice", "choose_components"),
    "fitting.joint.component_pairs": ("ComponentPair",),
    "fitting.joint.component_search": ("ComponentSearch",),
    "fitting.likelihood.em": ("EM",),
    "fitting.likelihood.family_em": ("FamilyEM",),
    "fitting.likelihood.priors": ("NormalInverseWishart",),
    "fitting.joint.joint_em": ("JointEM", "JointFit", "fit_pair", "joint_path"),
    "fitting.moments.moment_matching": ("MomentMatching",),
    "fitting.wasserstein.minimum_wasserstein": ("MinimumWasserstein", "WassersteinFit"),
    "fitting.moments.moment_sos": ("MomentSOS",),
    "formulas.polynomial.regions": ("Ball", "Box", "Inequality", "Linear"),
    "inference.certificate": ("Certificate", "Rival", "Rung"),
    "inference.certification": ("certify",),
    "inference.classification": ("ClassMixtures", "CrossValidation", "cross_validate", "fit_classes"),
    "inference.combining": ("Combination", "combine"),
    "inference.e_values": ("EValue",),
    "inference.intervals": ("DistanceInterval", "distance_interval"),
    "inference.one_component": ("OneComponentTest", "test_one_component"),
    "inference.split_test": ("split_test",),
    "inference.two_sample": ("TwoSampleTest", "two_sample_test"),
    "sos.sample_moments": ("SampleMoments",),
    "transport.barycenter": ("Barycenter",),
    "transport.fixed_point": ("FixedPoint",),
    "transport.given_components": ("GivenComponents",),
    "transport.geodesic": ("Geodesic", "Interpolation"),
    "transport.maps": ("TransportMap",),
    "transport.quantize": ("Quantization", "quantize"),
    "transport.reduction": ("Reduction", "reduce"),
    "transport.sliced": ("SlicedCosts", "sliced_costs", "sliced_distance"),
    "verbs": ("fit", "distance", "distances", "plan", "geodesic", "transport_map", "barycenter", "bounds"),
    "io": ("read", "save", "load"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted([*_MODULE, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULE:
        raise AttributeError(f"module 'mixot' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"mixot.{_MODULE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
