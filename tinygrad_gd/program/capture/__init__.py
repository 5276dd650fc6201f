"""Watch a run and write down what it computed."""
