"""The networks of the zoo, by family. Listing them imports neither torchvision nor timm nor transformers."""
import zoo_own
import zoo_timm
import zoo_torchvision
import zoo_transformers


def networks():
    found = [*zoo_torchvision.networks(), *zoo_transformers.networks(), *zoo_own.networks(), *zoo_timm.networks()]
    names = [n.name for n in found]
    assert len(names) == len(set(names)), [n for n in names if names.count(n) > 1]
    return found
