from keras_genseq.models.autoregressive.nade import NADE as NADE
