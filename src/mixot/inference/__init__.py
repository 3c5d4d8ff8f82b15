"""What can be said about an answer: certificates, tests and intervals."""

from mixot.inference.certificate import Certificate, Rival, Rung
from mixot.inference.certification import certify
from mixot.inference.classification import ClassMixtures, CrossValidation, cross_validate, fit_classes
from mixot.inference.combining import Combination, combine
from mixot.inference.e_values import EValue
from mixot.inference.intervals import DistanceInterval, distance_interval
from mixot.inference.one_component import OneComponentTest, test_one_component
from mixot.inference.population_shifts import PopulationShifts, population_shifts
from mixot.inference.split_test import split_test
from mixot.inference.two_sample import TwoSampleTest, two_sample_test

__all__ = [
    "Certificate",
    "ClassMixtures",
    "Combination",
    "CrossValidation",
    "DistanceInterval",
    "EValue",
    "OneComponentTest",
    "PopulationShifts",
    "Rival",
    "Rung",
    "TwoSampleTest",
    "certify",
    "combine",
    "cross_validate",
    "distance_interval",
    "fit_classes",
    "population_shifts",
    "split_test",
    "test_one_component",
    "two_sample_test",
]
