"""The shapes that clients may name: one line each."""

from collections.abc import Mapping
from types import MappingProxyType

from models.model import Model
from models.shapes.argus import Argus
from models.shapes.arrhenius import Arrhenius
from models.shapes.bernstein import Bernstein
from models.shapes.beta import Beta
from models.shapes.bifurcated_gaussian import BifurcatedGaussian
from models.shapes.chebyshev import Chebyshev
from models.shapes.cruijff import Cruijff
from models.shapes.crystal_ball import CrystalBall, DoubleCrystalBall
from models.shapes.damped_oscillation import DampedOscillation
from models.shapes.error_function_step import ErrorFunctionStep
from models.shapes.exponential import Exponential
from models.shapes.exponential_decay import ExponentialDecay
from models.shapes.exponentially_modified_gaussian import ExponentiallyModifiedGaussian
from models.shapes.fabry_perot import FabryPerot
from models.shapes.fano import Fano
from models.shapes.gamma import Gamma
from models.shapes.gaussian import Gaussian
from models.shapes.gaussian_beam import GaussianBeam
from models.shapes.gompertz import Gompertz
from models.shapes.hill import Hill
from models.shapes.johnson_su import JohnsonSU
from models.shapes.landau import Landau
from models.shapes.legendre import Legendre
from models.shapes.linear import Linear
from models.shapes.log_normal import LogNormal
from models.shapes.logistic import Logistic
from models.shapes.lorentzian import Lorentzian
from models.shapes.malus import Malus
from models.shapes.michaelis_menten import MichaelisMenten
from models.shapes.moyal import Moyal
from models.shapes.planck import Planck
from models.shapes.polynomial import Polynomial
from models.shapes.power import Power
from models.shapes.power_law import PowerLaw
from models.shapes.pseudo_voigt import PseudoVoigt
from models.shapes.relativistic_breit_wigner import RelativisticBreitWigner
from models.shapes.resonance import Resonance
from models.shapes.sine import Sine
from models.shapes.slits import DoubleSlit, SingleSlit
from models.shapes.stretched_exponential import StretchedExponential
from models.shapes.student_t import StudentT
from models.shapes.uniform import Uniform
from models.shapes.voigt import Voigt
from models.shapes.weibull import Weibull

SHAPES: Mapping[str, type[Model]] = MappingProxyType(
    {
        "argus": Argus,
        "arrhenius": Arrhenius,
        "bernstein": Bernstein,
        "beta": Beta,
        "bifurcated_gaussian": BifurcatedGaussian,
        "chebyshev": Chebyshev,
        "cruijff": Cruijff,
        "crystal_ball": CrystalBall,
        "damped_oscillation": DampedOscillation,
        "double_crystal_ball": DoubleCrystalBall,
        "double_slit": DoubleSlit,
        "error_function_step": ErrorFunctionStep,
        "exponential": Exponential,
        "exponential_decay": ExponentialDecay,
        "exponentially_modified_gaussian": ExponentiallyModifiedGaussian,
        "fabry_perot": FabryPerot,
        "fano": Fano,
        "gamma": Gamma,
        "gaussian": Gaussian,
        "gaussian_beam": GaussianBeam,
        "gompertz": Gompertz,
        "hill": Hill,
        "johnson_su": JohnsonSU,
        "landau": Landau,
        "legendre": Legendre,
        "linear": Linear,
        "log_normal": LogNormal,
        "logistic": Logistic,
        "lorentzian": Lorentzian,
        "malus": Malus,
        "michaelis_menten": MichaelisMenten,
        "moyal": Moyal,
        "planck": Planck,
        "polynomial": Polynomial,
        "power": Power,
        "power_law": PowerLaw,
        "pseudo_voigt": PseudoVoigt,
        "relativistic_breit_wigner": RelativisticBreitWigner,
        "resonance": Resonance,
        "sine": Sine,
        "single_slit": SingleSlit,
        "stretched_exponential": StretchedExponential,
        "student_t": StudentT,
        "uniform": Uniform,
        "voigt": Voigt,
        "weibull": Weibull,
    }
)

#: What other programs and people call them: suggested, never taken.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "asymmetric_gaussian": "bifurcated_gaussian",
        "breit_wigner": "lorentzian",
        "breitwigner": "lorentzian",
        "bw": "lorentzian",
        "cauchy": "lorentzian",
        "cb": "crystal_ball",
        "cos": "sine",
        "cosine": "sine",
        "decay": "exponential_decay",
        "dscb": "double_crystal_ball",
        "emg": "exponentially_modified_gaussian",
        "erf": "error_function_step",
        "exgauss": "exponentially_modified_gaussian",
        "exgaussian": "exponentially_modified_gaussian",
        "exp": "exponential",
        "expo": "exponential",
        "flat": "uniform",
        "gaus": "gaussian",
        "gauss": "gaussian",
        "johnson": "johnson_su",
        "line": "linear",
        "lognorm": "log_normal",
        "lognormal": "log_normal",
        "lorentz": "lorentzian",
        "norm": "gaussian",
        "normal": "gaussian",
        "pareto": "power_law",
        "pol1": "linear",
        "poly": "polynomial",
        "sigmoid": "logistic",
        "sin": "sine",
        "sinusoid": "sine",
        "skewed_gaussian": "bifurcated_gaussian",
        "split_gaussian": "bifurcated_gaussian",
        "step": "error_function_step",
        "straight_line": "linear",
        "t": "student_t",
        "voigtian": "voigt",
    }
)

#: Those that are polynomials, by degree.
POLYNOMIALS: Mapping[str, int] = MappingProxyType(
    {
        "const": 0,
        "constant": 0,
        "cubic": 3,
        "parabola": 2,
        "pol0": 0,
        "pol2": 2,
        "pol3": 3,
        "quadratic": 2,
    }
)
