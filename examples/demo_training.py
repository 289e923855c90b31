"""What one worker process of the demo does: train real models and log them as any training script would."""

from __future__ import annotations

import itertools
import pickle
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    import numpy as np
    from numpy.typing import NDArray

SEED = 7
DIGITS = "digits"
CANCER = "breast-cancer"


@dataclass(frozen=True)
class Digits:
    """A small neural network on scikit-learn's 8 x 8 pixel digits."""

    learning_rate: float
    hidden_units: int
    alpha: float
    experiment: str = DIGITS

    def model(self) -> Any:
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier(
            hidden_layer_sizes=(self.hidden_units,),
            learning_rate_init=self.learning_rate,
            alpha=self.alpha,
            batch_size=64,
            random_state=SEED,
        )


@dataclass(frozen=True)
class Cancer:
    """Logistic regression by stochastic gradient descent on the Wisconsin breast cancer data."""

    learning_rate: float
    penalty: str
    alpha: float
    experiment: str = CANCER

    def model(self) -> Any:
        from sklearn.linear_model import SGDClassifier

        return SGDClassifier(
            loss="log_loss",
            learning_rate="constant",
            eta0=self.learning_rate,
            penalty=self.penalty,
            alpha=self.alpha,
            random_state=SEED,
        )


@dataclass(frozen=True)
class Report:
    """What a worker says it has sent for one run."""

    run_id: str
    points: int
    artifacts: int


def search_space() -> list[Digits | Cancer]:
    """Return every configuration of the search, always in the same order."""
    digits = itertools.product((0.0003, 0.001, 0.003, 0.01), (16, 64), (1e-4, 1e-1))
    cancer = itertools.product((0.0003, 0.001, 0.003, 0.01), ("l2", "l1"), (1e-4, 1e-2))
    pairs = zip(itertools.starmap(Digits, digits), itertools.starmap(Cancer, cancer), strict=True)
    return [configuration for pair in pairs for configuration in pair]


def work(uri: str, session: str, mine: list[Digits | Cancer], epochs: int, reports: Queue[Report]) -> None:
    """Train and log each configuration, and report what was sent once the log has all of it."""
    import trackstream

    trackstream.set_tracking_uri(uri)
    for configuration in mine:
        reports.put(train(configuration, session, epochs))


def train(configuration: Digits | Cancer, session: str, epochs: int) -> Report:
    """Train one model, logging losses after each epoch, and at the end plots, confusion matrix and model."""
    import numpy as np
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

    import trackstream

    (x_train, y_train), (x_val, y_val) = data_set(configuration.experiment)
    classes = np.unique(y_train)
    model = configuration.model()
    shuffle = np.random.default_rng(SEED)
    curves: dict[str, list[float]] = {"train_loss": [], "val_loss": []}
    points = 0

    params = asdict(configuration)
    trackstream.set_experiment(params.pop("experiment"))
    name = "-".join(f"{value:g}" if isinstance(value, float) else str(value) for value in params.values())
    with trackstream.start_run(run_name=name, tags={"demo.session": session}) as run:
        trackstream.log_params({**params, "model": type(model).__name__, "epochs": epochs, "seed": SEED})
        for epoch in range(epochs):
            order = shuffle.permutation(len(y_train))
            model.partial_fit(x_train[order], y_train[order], classes=classes)
            scores = {
                "train_loss": float(log_loss(y_train, model.predict_proba(x_train), labels=classes)),
                "val_loss": float(log_loss(y_val, model.predict_proba(x_val), labels=classes)),
                "val_accuracy": float(accuracy_score(y_val, model.predict(x_val))),
            }
            trackstream.log_metrics(scores, step=epoch)
            points += len(scores)
            for key, curve in curves.items():
                curve.append(scores[key])
        confusion = confusion_matrix(y_val, model.predict(x_val), labels=classes)
        trackstream.log_figure(loss_figure(curves, name), "plots/loss.png")
        trackstream.log_figure(confusion_figure(confusion), "plots/confusion_matrix.png")
        trackstream.log_dict(
            {"labels": classes.tolist(), "matrix": confusion.tolist()}, "confusion_matrix.json"
        )
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory, "model.pkl")
            file.write_bytes(pickle.dumps(model))
            trackstream.log_artifact(file, "model")
        return Report(run.info.run_id, points, artifacts=4)


Split = tuple["NDArray[np.float64]", "NDArray[np.int64]"]


def data_set(experiment: str) -> tuple[Split, Split]:
    """Return (features, labels) to train on and to validate on, standardised."""
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    load = load_digits if experiment == DIGITS else load_breast_cancer
    x, y = load(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=y)
    scaler = StandardScaler().fit(x_train)
    return (scaler.transform(x_train), y_train), (scaler.transform(x_val), y_val)


def loss_figure(curves: dict[str, list[float]], title: str) -> Any:
    """Draw the loss curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), layout="tight")
    axes = figure.subplots()
    for key, curve in curves.items():
        axes.plot(curve, label=key)
    axes.set(xlabel="epoch", ylabel="log loss", yscale="log", title=title)
    axes.legend()
    return figure


def confusion_figure(confusion: NDArray[np.int64]) -> Any:
    """Draw the confusion matrix."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="tight")
    axes = figure.subplots()
    axes.imshow(confusion, cmap="Blues")
    for (row, column), count in zip(
        itertools.product(*map(range, confusion.shape)), confusion.flat, strict=True
    ):
        axes.text(column, row, str(count), ha="center", va="center", fontsize=8)
    axes.set(xlabel="predicted", ylabel="true")
    return figure
