"""Every setting of a run and where it comes from.

A field's source is a section of the paper, or ``choice:`` and the reason where the paper is silent.
"""

from dataclasses import dataclass
from typing import Literal

from flutils.config.values import setting


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The classifier."""

    architecture: Literal["mnist_cnn", "resnet"] = setting("§V: a CNN on MNIST, a ResNet on CIFAR-10")
    units: int = setting(
        "choice: residual units a stage; the paper gives no depth, Madry et al. use 5", size=True
    )
    width: int = setting("choice: 1 is the non-wide option of Madry et al.; 10 costs 96 times as much")
    weight_decay: float = setting(
        "choice: none on MNIST, as in Madry et al., who have 2e-4 on CIFAR-10; more suits one-cycle rates",
        size=True,
    )

    @property
    def title(self) -> str:
        """What it is called."""
        return f"ResNet-{6 * self.units + 2}" if self.architecture == "resnet" else "CNN"


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Training of the original model, Ori."""

    optimizer: Literal["adam", "sgd"] = setting(
        "§V: settings of Madry et al., Adam on MNIST, SGD on CIFAR-10"
    )
    momentum: float = setting("§V: settings of Madry et al., 0.9 on CIFAR-10")
    learning_rate: float = setting("choice: peak of the one-cycle rate, measured to train well in few epochs")
    warmup: float = setting("choice: share of the steps in which the one-cycle rate rises")
    epochs: int = setting("choice: unprinted; few at quick, enough to converge at paper", size=True)
    batch_size: int = setting(
        "§V: settings of Madry et al., 128 on CIFAR-10; choice on MNIST: faster than 50"
    )
    flip: bool = setting("§V: settings of Madry et al., mirror CIFAR-10; here every other epoch of an image")
    pad: int = setting(
        "§V: settings of Madry et al., pad CIFAR-10 by 2 pixels, then crop; by 4 where epochs are many",
        size=True,
    )
    train_size: int | None = setting("§V: the whole training set (None)", size=True)
    test_size: int | None = setting("§V: the whole test set (None)", size=True)


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """The boundary search."""

    num_samples: int = setting("§V: 1,500 samples from the training set", size=True)
    sampling: Literal["stratified", "uniform"] = setting(
        "choice: §IV-B's maximum selection is 150 a class, so 1,500 samples are 150 of each"
    )
    num_directions: int = setting("§V: 784 on MNIST, 1,000 on CIFAR-10", size=True)
    both_signs: bool = setting("§V: both positive and negative directions, on MNIST only")
    step: float = setting("§V: 0.02 on MNIST, 2.0 on CIFAR-10")
    search_range: float = setting("§V-B: half of the pixel range, 0.5 and 127.5")
    unit: Literal["rms", "l2"] = setting(
        "choice: RMS 1 as in He, Li, Song (ICLR 2018); Euclidean unit length finds almost no boundary"
    )
    clip: bool = setting("choice: points stay inside the pixel range, as in He, Li, Song (ICLR 2018)")
    reference: Literal["label", "prediction"] = setting("Algorithm 1: compares with the true label")


@dataclass(frozen=True, kw_only=True)
class ComparisonConfig:
    """Searches of ours beside the paper's: of the two controls, of test images, and of other doses."""

    samples_controls: int = setting(
        "choice: searched samples of the two controls, some of those of the other models", size=True
    )
    samples_held_out: int = setting("choice: searched test images, the same for all models", size=True)
    directions_held_out: int = setting("choice: directions of the search of test images", size=True)
    doses: tuple[float, ...] = setting(
        "choice: rays per sample of further F.L., in shares of F.L.'s, for a curve over the dose",
        size=True,
    )
    doses_equal: tuple[float, ...] = setting(
        "choice: doses of F.L. at which Reduced F.L. is retrained on as many examples; 1 is F.L. itself",
        size=True,
    )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The attack of adversarial training from one share of the training on."""

    start: float
    steps: int
    step_size: float


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig:
    """Adversarial training, which gives Adv.; optimizer, batches and augmentation are those of Ori."""

    epsilon: float = setting("§V: settings of Madry et al., l∞ radius 0.3 on MNIST, 8 of 255 on CIFAR-10")
    stages: tuple[Stage, ...] = setting(
        "choice: number and length of steps, by share of the training done; Madry et al. take 40 of 0.01 on "
        "MNIST and 7 of 2 on CIFAR-10; N-FGSM (de Jorge et al., NeurIPS 2022) takes one of a radius",
        size=True,
    )
    noise: float = setting(
        "choice: half width of the uniform random start in radii: 1 in Madry et al., 2 in N-FGSM"
    )
    project: bool = setting("choice: whether points stay within the radius: yes in PGD, no in N-FGSM")
    ramp: float = setting(
        "choice: share of the steps in which the radius grows to its full size; more where epochs are few",
        size=True,
    )
    learning_rate: float = setting("choice: peak of the one-cycle rate, measured to train without a stall")
    warmup: float = setting("choice: share of the steps in which the one-cycle rate rises")
    epochs: int = setting("choice: unprinted; few at quick, enough to converge at paper", size=True)
    check_images: int = setting("choice: test images of the robustness check after training", size=True)
    check_steps: int = setting("choice: PGD steps of the robustness check", size=True)

    @property
    def recipe(self) -> str:
        """Name of the recipe, by its numbers of steps."""
        if not self.project:
            return f"N-FGSM, start within {self.noise:g} radii"
        return f"PGD, {', then '.join(str(stage.steps) for stage in self.stages)} steps"


@dataclass(frozen=True, kw_only=True)
class FeedbackConfig:
    """Feedback examples, and the retraining on them that gives F.L. and Reduced F.L."""

    samples_high: int = setting("§IV-B: 20 samples in a class of high-level robustness", size=True)
    samples_medium: int = setting("§IV-B: 100 samples in a class of medium-level robustness", size=True)
    samples_low: int = setting("§IV-B: 150 samples in a class of low-level robustness", size=True)
    rays_per_sample: int = setting("§IV-B: the 40 directions of smallest margin", size=True)
    strength_min: float = setting("§IV-B: 1.5 times the margin")
    strength_max: float = setting("§IV-B: 2.0 times the margin")
    learning_rate: float = setting(
        "choice: unprinted; peak of the one-cycle rate, at paper from a sweep of the training loss alone",
        size=True,
    )
    epochs: int = setting(
        "choice: unprinted; how often the retraining sees all samples and examples, at paper from that sweep",
        size=True,
    )


@dataclass(frozen=True, kw_only=True)
class AttackConfig:
    """The attacks of Fig. 3 and Table III."""

    num_images: int | None = setting("§V-B: the whole test set (None), for FGSM and the noises", size=True)
    num_images_iterative: int | None = setting(
        "§V-B: the whole test set (None), for PGD, BIM and MIM", size=True
    )
    num_images_slow: int | None = setting(
        "choice: test images of the attacks that search a smallest perturbation", size=True
    )
    num_images_curve: int | None = setting("§V, Fig. 3: the whole test set (None)", size=True)
    num_images_checks: int = setting("choice: test images of the checks with APGD and Square", size=True)
    calibration_images: int = setting(
        "choice: test images on which the strengths of FGSM and the noises are calibrated", size=True
    )
    calibration_images_iterative: int = setting(
        "choice: test images on which the strengths of PGD, BIM and MIM are calibrated", size=True
    )
    steps: int = setting(
        "choice: steps of PGD, BIM and MIM; together they travel 2.5 radii, as in Madry et al. on CIFAR-10",
        size=True,
    )
    cw_steps: int = setting(
        "choice: optimizer steps of CW-L2 for each trade-off constant; docs/protocol.md compares 1,000",
        size=True,
    )
    cw_searches: int = setting("choice: trade-off constants that CW-L2 tries", size=True)
    cw_step_size: float = setting("choice: rate of CW-L2's optimizer, measured to find small norms fast")
    cw_constant: float = setting("choice: first trade-off constant of CW-L2, measured likewise")
    deepfool_steps: int = setting("choice: steps of DeepFool, 50 as in its paper", size=True)
    deepfool_candidates: int = setting(
        "choice: likely classes that DeepFool considers, 10 in its paper", size=True
    )
    square_queries: int = setting("choice: queries of the Square attack", size=True)
    standard_linf: float = setting("choice: the field's standard l∞ radius, 0.3 and 8 of 255")
    curve_max: float = setting("§V, Fig. 3: strengths from 0 to 0.5 of the pixel range")
    curve_points: int = setting("choice: strengths on the curve of Fig. 3", size=True)
    curve_fine_max: float = setting(
        "choice: where a finer part of the curve ends, a share of the pixel range; 0 for none"
    )
    curve_fine_points: int = setting("choice: strengths on the finer part, 0 included", size=True)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One dataset at one profile."""

    dataset: str = setting("§V: MNIST and CIFAR-10; or one of your own")
    profile: Literal["smoke", "quick", "paper"] = setting(
        "choice: how much of the protocol to run", size=True
    )
    model: ModelConfig = setting("§V")
    training: TrainingConfig = setting("§V")
    adversarial: AdversarialConfig = setting("§V")
    search: SearchConfig = setting("§V")
    comparison: ComparisonConfig = setting("choice: controls and held-out images")
    feedback: FeedbackConfig = setting("§IV-B")
    attacks: AttackConfig = setting("§V-B")
