"""How fast training steps run here and elsewhere: ``python -m tests.benchmarks [workload ...]``."""
