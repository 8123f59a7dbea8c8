"""The file formats of TensorFlow that checkpoints and records of examples are made of."""
