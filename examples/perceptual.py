"""What makes two pictures alike: three losses on two photographs, and pixels that are trained to please them.

Three changes of a photograph that are equally far from it by MSE are compared by SSIM and by the features of a small
filter bank in plain NumPy. Then images are optimised, all pixels of them: noise is removed, the photograph is rebuilt
from its features alone, and painted in the style of another one.

pip install '.[examples]' && python examples/perceptual.py --picture perceptual.png
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_images
from tqdm import tqdm

import fusedloss as fl

SIZE, SHRINK = 96, 4
LEVELS, ORIENTATIONS = 3, 4
CHANGE = 0.1  # root mean square, of pixels in [0, 1]
RATE = 0.03

SSIM, TV, PERCEPTUAL, STYLE = fl.SSIM(), fl.TotalVariation(), fl.Perceptual(normalize=False), fl.Style()

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


def photographs() -> list[np.ndarray]:
    """The middle of a temple and of a flower, (1, colours, SIZE, SIZE)."""
    found = []
    for image in load_sample_images().images:
        top, left = ((n - SIZE * SHRINK) // 2 for n in image.shape[:2])
        middle = image[top : top + SIZE * SHRINK, left : left + SIZE * SHRINK].astype(np.float32) / 255
        small = middle.reshape(SIZE, SHRINK, SIZE, SHRINK, 3).mean((1, 3))
        found.append(np.ascontiguousarray(small.transpose(2, 0, 1)[np.newaxis]))
    return found


def bank(size: int) -> np.ndarray:
    """Filters for edges and lines of some directions, by frequency: (ORIENTATIONS, size, size)."""
    across, down = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size))
    frequency, angle = np.hypot(across, down), np.arctan2(down, across)
    band = np.exp(-0.5 * (np.log(np.maximum(frequency, 1e-9) / 0.25) / 0.55) ** 2)
    turned = [(angle - np.pi * k / ORIENTATIONS + np.pi) % (2 * np.pi) - np.pi for k in range(ORIENTATIONS)]
    return np.array([band * np.exp(-0.5 * (a / 0.45) ** 2) for a in turned], np.float32)


class Features:
    """At each level colours and rectified responses of the bank; then the next level has half of the pixels."""

    def __init__(self) -> None:
        self.banks = [bank(SIZE >> level) for level in range(LEVELS)]

    def forward(self, image: np.ndarray) -> list[np.ndarray]:
        maps, self.live = [], []
        for filters in self.banks:
            spectrum = np.fft.fft2(image)[:, :, np.newaxis] * filters
            response = np.fft.ifft2(spectrum).reshape(len(image), -1, *image.shape[2:])
            both = np.concatenate([response.real, response.imag], axis=1).astype(np.float32)  # lines, edges
            maps.append(np.concatenate([image, np.maximum(both, 0), np.maximum(-both, 0)], axis=1))
            self.live.append((both > 0, both < 0))
            n, c, h, w = image.shape
            image = image.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))
        return maps

    def backward(self, grads: list[np.ndarray]) -> np.ndarray:
        """The gradient by the pixels."""
        image = np.zeros((1, 3, SIZE >> LEVELS, SIZE >> LEVELS), np.float32)
        for filters, (above, below), grad in zip(self.banks[::-1], self.live[::-1], grads[::-1], strict=True):
            colours = image.shape[1]
            image = image.repeat(2, axis=2).repeat(2, axis=3) / 4 + grad[:, :colours]
            up, down = np.split(grad[:, colours:], 2, axis=1)
            real, imaginary = np.split(up * above - down * below, 2, axis=1)
            spectrum = np.fft.fft2((real + 1j * imaginary).reshape(1, colours, ORIENTATIONS, *grad.shape[2:]))
            image = image + np.fft.ifft2((spectrum * filters).sum(2)).real.astype(np.float32)
        return image


def optimise(start: np.ndarray, objective: Objective, steps: int, what: str) -> tuple[np.ndarray, float, float]:
    """Adam on pixels; gives the image, and the objective before and after."""
    image, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    values = []
    with tqdm(range(1, steps + 1), desc=what, disable=None) as progress:  # a bar on a terminal, nothing in a pipe
        for t in progress:
            value, grad = objective(image)
            values.append(value)
            first += 0.1 * (grad - first)
            second += 0.01 * (grad * grad - second)
            rate = RATE * (1 - (t - 1) / steps)
            image -= rate * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.99**t)) + 1e-12)
            np.clip(image, 0, 1, out=image)
            progress.set_postfix(loss=f"{value:.3g}")
    return image, values[0], objective(image)[0]


def changed(photo: np.ndarray) -> dict[str, np.ndarray]:
    """Three pictures at the same distance from a photograph, root mean square."""
    wide = np.pad(photo, [(0, 0), (0, 0), (3, 3), (3, 3)], mode="edge")
    blurred = np.lib.stride_tricks.sliding_window_view(wide, (7, 7), axis=(2, 3)).mean((4, 5))
    noise = np.random.default_rng(0).normal(size=photo.shape).astype(np.float32)
    steps = {"brighter": np.ones_like(photo), "blurred": blurred - photo, "noisy": noise}
    return {name: photo + CHANGE * step / np.sqrt(np.mean(step * step)) for name, step in steps.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Losses of images on photographs.")
    parser.add_argument("--picture", type=Path, default=Path("perceptual.png"), metavar="FILE.png")
    given = parser.parse_args()
    photo, other = photographs()
    network = Features()
    features, style = network.forward(photo), network.forward(other)

    others = changed(photo)
    for name, image in others.items():
        distance = PERCEPTUAL(network.forward(image), features)
        print(f"{name}: MSE {fl.mse(image, photo):.4f}, 1 - SSIM {SSIM(image, photo):.4f}, features {distance:.5f}")

    faithful_and_smooth = 8 * fl.MSE() + TV
    denoised, *_ = optimise(
        others["noisy"], lambda x: faithful_and_smooth.value_and_grad(x, others["noisy"]), 80, "noise"
    )
    print(f"without noise: 1 - SSIM from {SSIM(others['noisy'], photo):.4f} to {SSIM(denoised, photo):.4f}")

    def by_features(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, grads = PERCEPTUAL.value_and_grad(network.forward(x), features)
        return value, network.backward(grads)

    rebuilt, before, after = optimise(np.full_like(photo, 0.5), by_features, 40, "rebuild")
    print(f"rebuilt: features from {before:.5f} to {after:.5f}, 1 - SSIM {SSIM(rebuilt, photo):.4f}")

    alike = 0.1 * SSIM + 0.02 * TV

    def painting(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, grads = STYLE.value_and_grad(network.forward(x), style)
        rest, (grad, _) = alike.value_and_grad(x, photo)
        return 1e3 * value + rest, 1e3 * network.backward(grads) + grad

    painted, *_ = optimise(photo, painting, 40, "paint")
    first, last = (STYLE(network.forward(x), style) for x in (photo, painted))
    print(f"painted: style from {first:.3g} to {last:.3g}, 1 - SSIM {SSIM(painted, photo):.4f}")

    panels = {"photograph": photo, **others, "without noise": denoised, "rebuilt": rebuilt, "style": other}
    panels["painted"] = painted
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    for axes, (name, image) in zip(figure.subplots(2, 4).flat, panels.items(), strict=True):
        axes.imshow(np.clip(image[0].transpose(1, 2, 0), 0, 1))
        axes.set(title=name, xticks=[], yticks=[])
    figure.savefig(given.picture)
    print(f"picture in {given.picture}")


if __name__ == "__main__":
    main()
