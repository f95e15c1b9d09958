"""Accuracy at the field's standard radius, under ever stronger attacks, as markdown."""

from flutils.reproduce.collect import Results
from flutils.reproduce.render.markdown import make_table, spell_dataset


def render_review(found: Results) -> str:
    """Render what each model keeps under PGD and the stronger attacks; empty if it was not reviewed."""
    reviews = [item for results in found.values() for item in results.get("table3", {}).get("review", ())]
    if not reviews:
        return ""
    attacks = list(reviews[0]["accuracy"])
    rows = [
        [
            spell_dataset(item["dataset"]),
            item["model"],
            f"{item['images']:,}",
            *(f"{100 * rate:.1f}" for rate in (item["clean_accuracy"], *item["accuracy"].values())),
        ]
        for item in reviews
    ]
    first, *later = attacks
    radii = {item["dataset"]: item["radius"] for item in reviews}
    spelled = ", ".join(f"{radius:g} on {spell_dataset(name)}" for name, radius in radii.items())
    caption = (
        f"Accuracy at the field's standard l∞ radius (pixel values: {spelled}) in percent, which depends on"
        " no printed number. Each attack takes what those before it left; n is the number of test"
        " images."
    )
    header = ["dataset", "model", "n", "no attack", first, *(f"+ {attack}" for attack in later)]
    return f"{caption}\n\n{make_table(header, rows, left=2)}"
