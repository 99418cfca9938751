"""The one decorator of all components: our image, with everything baked in."""

import functools

from kfp import dsl

# Fixed in the YAML, so that it does not depend on who compiles it; a registry prefix is put before it at run time.
IMAGE = "nivesh/python-training:0.1.0"

component = functools.partial(dsl.component, base_image=IMAGE, install_kfp_package=False)
