"""A pack of its own for the tests: it adds a critic backend, a strategy and a scorer to xLARD."""

from dataclasses import dataclass


class RedCircleSeer:
    """A critic backend that sees one red circle in the middle of whatever it is shown."""

    name = "red circle seer"

    def __init__(self, api):
        self.api, self.boxes = api, api.THOUSANDTHS

    def seen_size(self, image):
        return image.shape[1], image.shape[0]

    def answer(self, asks, sampling=None):
        return [self.api.Answer('[{"bbox_2d": [400, 400, 600, 600], "label": "red circle"}]') for _ in asks]

    def probability_of_yes(self, asks):
        raise self.api.CannotDo("The red circle seer knows no probabilities. Take another scoring.")

    log_likelihood = probability_of_yes


@dataclass(frozen=True)
class Mirror:
    """A strategy that turns the best picture over and samples on from a middle noise level."""

    api: object
    name: str = "mirror"

    def plan(self, situation):
        latent = situation.state.best.latent.flip(-1)
        return self.api.Plan(self.name, 0.5, situation.seed, situation.nfe(0.5), "turned over", latent=latent)


@dataclass(frozen=True)
class Brightness:
    """A scorer that asks nobody: every claim holds in a picture that is bright enough."""

    api: object
    name: str = "brightness"
    samples: bool = False

    def judge(self, backend, images, claims, sampling=None):
        return [self._critique(float(image.mean()), claims_of_image) for image, claims_of_image in zip(images, claims)]

    def _critique(self, light, claims):
        return self.api.critique_of([self.api.Verdict(claim, light > 0.5, light) for claim in claims])


def xlard_extension(api):
    """xLARD calls this once, when all packs are there."""
    api.register_critic("red circle seer", lambda: RedCircleSeer(api))
    api.register_scorer(Brightness(api))
    api.register_strategy(api.StrategySpec("mirror", "Turn it over.", lambda noise_level: Mirror(api), api.Priority(5)))


NODE_CLASS_MAPPINGS = {}
