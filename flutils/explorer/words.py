"""What is chosen and shown, in words."""

from flutils.explorer import ray
from flutils.explorer.state import Choice, Explorer


def describe_direction(explorer: Explorer, choice: Choice) -> str:
    """Name the direction of a choice."""
    target = explorer.materials[choice.dataset].class_names[choice.target]
    sign = "+" if choice.sign > 0 else "−"
    names = {
        ray.RANDOM: f"random direction {sign}{choice.number}",
        ray.MEAN: f"{sign} towards the mean of class {target}",
        ray.NEAREST: f"{sign} towards the nearest sample of class {target}",
        ray.GRADIENT: f"{sign} where the gap of {choice.model} falls fastest",
    }
    return names[choice.kind]


def describe_ray(explorer: Explorer, choice: Choice, step: int) -> str:
    """Say in HTML what is shown: present length and class, margin, adjacent class, changes of class."""
    material, reading = explorer.materials[choice.dataset], explorer.read(choice)
    names, lengths = material.class_names, material.lengths
    if reading.margin is None or reading.adjacent is None:
        margin = f"no crossing up to {lengths[-1]:g}: margin N/A"
    else:
        margin = f"margin <b>{reading.margin:.4g}</b>, adjacent class <b>{names[reading.adjacent]}</b>"
    first, *others = reading.stretches
    now = names[reading.predicted[step]]
    changes = ", ".join([names[first[1]], *(f"from {lengths[at]:g}: {names[c]}" for at, c in others)])
    return (
        f"sample {choice.sample}, true class <b>{names[reading.origin]}</b>, "
        f"{describe_direction(explorer, choice)}<br>"
        f"at length <b>{lengths[step]:g}</b> {choice.model} predicts <b>{now}</b>; "
        f"{margin}<br>classes along the ray: {changes}"
    )
