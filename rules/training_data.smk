"""What networks are trained on: data of the settings, else of this run, else made-up people."""


def training_data(wildcards):
    """Captures that networks are trained on: those of the settings, else the synthetic world."""
    shards = "<results>/synthetic/{world}/shard_{shard}.h5"
    return config["training"]["data"] or expand(
        shards, world=WORLD, shard=shard_names(config["synthesis"])
    )


def coarse_data(wildcards):
    """What regressors are trained on: of the settings, else this run's photos, else made-up people."""
    if config["coarse_training"]["data"]:
        return config["coarse_training"]["data"]
    if BATCHES:
        weight = config["coarse_training"]["parts"]
        told = config["parsing"]["method"] != "none" and weight > 0
        stages = ["capture", "faces", "landmarks", "skin", *["parsing"] * told]
        return expand("<results>/{batch}/{stage}.h5", batch=BATCHES, stage=stages)
    shards = "<results>/synthetic/{world}/shard_{shard}.h5"
    return expand(shards, world=WORLD, shard=shard_names(config["synthesis"]))
