"""The one decorator of all components: an image of ours, with everything baked in. A pipeline names its family's."""

import functools

from kfp import dsl

component = functools.partial(dsl.component, base_image="nivesh/train", install_kfp_package=False)
