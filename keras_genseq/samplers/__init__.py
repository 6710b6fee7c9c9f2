"""From the logits of the next token to a token."""

from keras_genseq.samplers.token_sampling import (
    SamplingOptions as SamplingOptions,
)
from keras_genseq.samplers.token_sampling import draw_tokens as draw_tokens
from keras_genseq.samplers.token_sampling import keep_likely as keep_likely
