"""Processes that train one network together take the same steps, and nobody waits for ever."""

import json
import subprocess
import sys

import torch

TWO = """
import json, sys
from ocrengine.training.peers import divide
peers = divide(2)
import torch
parameter = torch.nn.Parameter(torch.ones(2, 2, 1, 2).to(memory_format=torch.channels_last))
(parameter * torch.arange(8).view(2, 2, 1, 2) * (2 * peers.rank + 1)).sum().backward()
counts = peers.average([parameter], [10, 5 + peers.rank])
if peers.is_first:
    print(json.dumps({"gradient": parameter.grad.flatten().tolist(), "counts": counts}))
else:
    print("the others are silent")
"""

TRAINING = """
import sys
from dataclasses import replace
from pathlib import Path
from ocrengine.training.peers import divide
peers = divide(2)
import torch
from ocrengine.training.runs import Order, Run, Schedule
order = Order(Path(sys.argv[1]), Path(sys.argv[1]) / "net.safetensors", until=40, peers=peers)
torch.manual_seed(1)
run = Run(order, torch.nn.Linear(3, 2), Schedule(0.01, 40), {"architecture": "toy"})
torch.manual_seed(order.seed_at(0))
while not run.is_finished:
    run.step(run.net(torch.rand(4, 3)).square().mean(), samples=4, characters=7)
run.end()
"""


def run(script, *arguments):
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout


def test_gradients_become_their_mean_and_counts_their_sum():
    twice = [2.0 * number for number in range(8)]
    assert json.loads(run(TWO)) == {"gradient": twice, "counts": [20, 11]}


def test_two_processes_see_twice_as_many_samples_in_a_step_and_the_first_one_saves(tmp_path):
    run(TRAINING, str(tmp_path))
    seen = torch.load(tmp_path / "state.pt", weights_only=True)["seen"]
    assert (seen["steps"], seen["samples"], seen["characters"]) == (5, 40, 70)
