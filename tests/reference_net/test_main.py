"""`python -m reference_net`, most of it in this process and its edges in one of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reference_net import __main__ as command
from reference_net import original

ROW = re.compile(r" +\d+ +[\d.]+ +[\d.]+% +[\d.]+%")
FULL = os.environ.get("GRADCHECK_MNIST_DIR")
B2_UPDATE = "b2 = b2 - learning_rate * db2"


@pytest.fixture(autouse=True)
def no_folder(monkeypatch):
    monkeypatch.delenv("GRADCHECK_MNIST_DIR", raising=False)


def rows(output: str) -> list[str]:
    return [line for line in output.splitlines() if ROW.fullmatch(line)]


def accuracy(row: str) -> float:
    """Of the test digits, in percent."""
    return float(row.split()[-1].rstrip("%"))


def test_corrected_learns_the_subset(run_module):
    done = run_module("train", "--epochs", "3")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "corrected, init he, learning rate 0.1, batches of 32, seed 0",
        "2,000 training and 500 test digits: subset",
        "epoch      loss    train     test",
    ]
    assert len(rows(done.stdout)) == 3
    assert accuracy(lines[-1]) > 80


def test_original_raises_as_posted(run_module):
    done = run_module("train", "--network", "original")
    assert done.returncode == 1
    assert rows(done.stdout) == []
    lines = Path(original.__file__).read_text().splitlines()
    number = 1 + [line.strip() for line in lines].index(B2_UPDATE)
    assert done.stderr.splitlines()[0] == f"reference_net/original.py:{number}: {B2_UPDATE}"
    message = "ValueError: operands could not be broadcast together with shapes (10,) (2000,)"
    assert done.stderr.splitlines()[1].strip() == message
    assert "--skip-b2-update leaves this update out." in done.stderr
    assert "Traceback" not in done.stderr


def test_original_without_the_b2_update_does_not_learn(capsys):
    assert command.main(["train", "--network", "original", "--skip-b2-update", "--epochs", "5"]) == 0
    output = capsys.readouterr().out
    assert "all rows at once, seed 0, b2 not updated" in output
    assert len(rows(output)) == 5
    assert max(map(accuracy, rows(output))) < 25


def test_original_is_silent_on_batches_of_ten(capsys):
    assert command.main(["train", "--network", "original", "--batch", "10", "--epochs", "1"]) == 0
    assert len(rows(capsys.readouterr().out)) == 1


def test_options_reach_the_run(capsys):
    arguments = "train --init normal --lr 0.5 --epochs 2 --batch all --data subset --seed 4"
    assert command.main(arguments.split()) == 0
    first = capsys.readouterr().out
    assert first.startswith("corrected, init normal, learning rate 0.5, all rows at once, seed 4\n")
    assert len(rows(first)) == 2
    command.main(arguments.replace("--seed 4", "--seed 5").split())
    assert rows(capsys.readouterr().out) != rows(first)
    command.main(arguments.split())
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--lr 0", "argument --lr: expected a positive number, got '0'"),
        ("--lr nan", "argument --lr: expected a positive number, got 'nan'"),
        ("--lr inf", "argument --lr: expected a positive number, got 'inf'"),
        ("--epochs 2.5", "argument --epochs: expected a positive whole number, got '2.5'"),
        ("--batch -3", "argument --batch: expected a positive whole number or 'all', got '-3'"),
        ("--seed -1", "argument --seed: expected a whole number of 0 or more, got '-1'"),
        ("--network other", "argument --network: invalid choice: 'other'"),
        ("--skip-b2-update", "--skip-b2-update belongs to --network original"),
    ],
)
def test_a_bad_option_ends_in_2_with_one_line(capsys, options, message):
    with pytest.raises(SystemExit) as caught:
        command.main(["train", *options.split()])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"python -m reference_net train: {message}")
    assert error.count("\n") == 1


def test_no_command_ends_in_2(capsys):
    with pytest.raises(SystemExit) as caught:
        command.main([])
    assert caught.value.code == 2
    assert "required: train" in capsys.readouterr().err


@pytest.mark.parametrize("variable", [False, True])
def test_bad_data_ends_in_2_with_one_line(capsys, monkeypatch, tmp_path, variable):
    missing = str(tmp_path / "nowhere")
    if variable:
        monkeypatch.setenv("GRADCHECK_MNIST_DIR", missing)
    assert command.main(["train", *([] if variable else ["--data", missing])]) == 2
    error = capsys.readouterr().err
    message = f"{missing}: expected a folder with the four files of MNIST, got no folder\n"
    assert error == f"python -m reference_net: {message}"


def test_data_option_outranks_the_environment(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADCHECK_MNIST_DIR", str(tmp_path / "nowhere"))
    assert command.main(["train", "--data", "subset", "--epochs", "1"]) == 0
    assert "500 test digits: subset" in capsys.readouterr().out


def test_a_loss_that_is_no_number_ends_the_run(capsys):
    assert command.main(["train", "--lr", "1e300", "--epochs", "4"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "the loss is nan after epoch 1: try a smaller --lr\n"
    assert "nan" in captured.out.splitlines()[-1]


def test_a_value_error_that_is_not_the_originals_goes_on(monkeypatch):
    def broken(run, digits):
        raise ValueError("elsewhere")

    monkeypatch.setattr(command, "learn", broken)
    with pytest.raises(ValueError, match="elsewhere"):
        command.main(["train"])


def test_plot_is_drawn(capsys, tmp_path):
    picture = tmp_path / "curves.png"
    assert command.main(["train", "--epochs", "2", "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_plot_that_cannot_be_drawn_is_refused_before_training(capsys, tmp_path):
    assert command.main(["train", "--plot", str(tmp_path / "curves.doc")]) == 2
    captured = capsys.readouterr()
    assert "expected a picture's file name ending in one of" in captured.err
    assert captured.out == ""


def test_interrupt_ends_in_130_with_a_clean_line():
    command_line = [sys.executable, "-m", "reference_net", "train", "--epochs", "100000"]
    environment = {key: value for key, value in os.environ.items() if key != "GRADCHECK_MNIST_DIR"}
    # A parent may have told its children to ignore Ctrl-C (a shell does so for jobs in the background).
    with subprocess.Popen(
        command_line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        while not ROW.fullmatch(process.stdout.readline().rstrip("\n")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.fullmatch(r"\ninterrupted after \d+ of 100000 epochs\n", error)


def test_a_reader_that_has_enough_is_no_error():
    command_line = [sys.executable, "-m", "reference_net", "train", "--epochs", "100000", "--data", "subset"]
    with subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
        assert process.wait(timeout=30) == 1
    assert error == ""


@pytest.mark.slow
@pytest.mark.full_mnist
@pytest.mark.skipif(not FULL, reason="GRADCHECK_MNIST_DIR does not say where the complete MNIST is")
def test_complete_mnist_reaches_the_figure(capsys):
    options = "train --lr 0.01 --epochs 5 --batch 32 --data"
    assert command.main([*options.split(), FULL]) == 0
    output = capsys.readouterr().out
    assert "60,000 training and 10,000 test digits" in output
    assert accuracy(rows(output)[-1]) > 90
