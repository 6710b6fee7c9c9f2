"""The model below every base: training, uses, presets and conditions."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.export import write_saved_model
from keras_genseq.models.base.arguments import as_callbacks
from keras_genseq.models.base.arguments import check_rates_are_free
from keras_genseq.models.base.arguments import compile_options
from keras_genseq.models.base.arguments import method_options
from keras_genseq.models.base.arguments import tell_directions
from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.base.endpoint import MAX_STEPS
from keras_genseq.models.base.endpoint import rounds_sizes_up
from keras_genseq.models.base.gradients import accumulate_gradients
from keras_genseq.models.base.gradients import batch_size_of
from keras_genseq.models.base.gradients import sum_over_replicas
from keras_genseq.models.base.input_validation import as_data
from keras_genseq.models.base.input_validation import checked_data
from keras_genseq.models.base.input_validation import holds_rows
from keras_genseq.models.base.input_validation import split_off
from keras_genseq.models.base.input_validation import weights_of_classes
from keras_genseq.models.base.keras_patches import PatchedModel
from keras_genseq.models.base.regularizers import with_penalties
from keras_genseq.models.base.room import check_room
from keras_genseq.models.base.room import no_room
from keras_genseq.models.base.training_seeds import TrainingSeeds
from keras_genseq.models.base.weight_transfer import transfer_weights
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_floats
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import ensure
from keras_genseq.ops.values import has_no_rows


class BaseModel(PatchedModel):
    """A `keras.Model` that knows what it learns and what it is asked for.

    A subclass says what an example costs (`example_losses`), what it may be
    trained on (`check_inputs`, `check_targets`, `condition_inputs`) and what it
    is there for (`endpoints`). It then has `fit`, `evaluate` and `export`; each
    of its Python methods asks one endpoint.

    Averaging, micro-batches, replicas, loss scaling and clipping happen in
    `minimize`, which takes the loss of each example.
    """

    # Named configurations of the papers: dict of name to `Preset`.
    presets = {}
    # The noise of training, of a model that has any: see `draws_noise`.
    training_seeds = None
    # Whether data may be pairs; a model of `x` alone refuses them.
    takes_targets = True

    @classmethod
    def from_preset(cls, name, **overrides):
        """Makes the model of a paper, untrained.

        Args:
            name: str. A key of `presets`.
            **overrides: arguments of the constructor that replace the paper's.

        Raises:
            ValueError: if there is no such preset.
        """
        if name not in cls.presets:
            raise ValueError(
                f"{cls.__name__} has no preset {name!r}. It has: "
                f"{', '.join(cls.presets) or 'none'}."
            )
        return cls(**{**cls.presets[name].config, **overrides})

    def load_from(self, other):
        """Takes the weights of another model that this one has, too.

        They are known by name and shape, those of repeated layers by their
        order. A weight of another shape stays as it is, unless
        `fitted_weight` knows how to make it fit.

        Args:
            other: built Keras model.

        Returns:
            Number of weights taken, and a list of sentences on those that
            were not, or not as they were.

        Raises:
            ValueError: if no weight fits.
        """
        return transfer_weights(self, other)

    def fitted_weight(self, variable, other):
        """A weight of another shape, made to fit; by default nothing.

        Args:
            variable: weight of this model.
            other: model that has one of the same name.

        Returns:
            Tensor of the shape of `variable`, or None.
        """
        return None

    def compile(
        self, optimizer="adam", *own, gradient_accumulation_steps=1, **kwargs
    ):
        """Configures training as `keras.Model.compile` does.

        Args:
            optimizer: a Keras optimizer, its name, or None for a model that
                keeps several of its own.
            *own: what Keras takes there, a loss and metrics: refused.
            gradient_accumulation_steps: int. Each batch is worked off in this
                many parts, one after the other, for one update: the result is
                that of the whole batch, at a fraction of the memory.
            **kwargs: passed to `keras.Model.compile`.

        Raises:
            ValueError: if there is a `loss` or a metric, or if an option of
                the optimizer cannot work under the model's distribution
                strategy.
        """
        gradient_accumulation_steps = check_counts(
            gradient_accumulation_steps=gradient_accumulation_steps
        )
        kwargs = compile_options(self, own, kwargs)
        # Before Keras, which prepares the optimizers.
        self.gradient_accumulation_steps = gradient_accumulation_steps
        super().compile(optimizer=optimizer, **kwargs)

    def get_compile_config(self):
        config = super().get_compile_config()
        if config:
            config["gradient_accumulation_steps"] = (
                self.gradient_accumulation_steps
            )
        return config

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def draw_noise_from(self, seed):
        """Lets training draw noise that a resumed run continues.

        Args:
            seed: int; None draws one.
        """
        self.training_seeds = TrainingSeeds(seed)
        self.seed = self.training_seeds.seed

    def add_counter(self):
        """Makes the weight `updates`, from which the noise of training comes.

        `build` calls it, in a model that draws noise.
        """
        self.updates = self.add_weight(
            name="updates",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    def minimize(self, loss_fn, batch, group="model", size=None):
        """One update of one group of weights on the loss of the global batch.

        Args:
            loss_fn: callable `batch -> (losses, terms)`; `losses` is
                `(batch_size,)`, or a scalar that is already their mean;
                `terms` is a dict of `(batch_size,)` tensors to report. It must
                not update metrics: under XLA and several replicas it is
                compiled apart from them.
            batch: structure of tensors with a leading batch dimension.
            group: str. Key of `optimizer_groups`.
            size: optional scalar tensor by which the sum of the losses is
                divided, this replica's part of it; None counts the examples.

        Returns:
            The losses and terms of this replica's share of the batch.
        """
        optimizer, variables = self.optimizer_groups[group]
        if optimizer is None:
            raise ValueError(
                f"{type(self).__name__} learns by descent, and was compiled "
                'without an optimizer: give one, as in `compile("adam")`.'
            )
        context = tf.distribute.get_replica_context()
        num_replicas = context.num_replicas_in_sync
        # The rows of the batch, and what its losses are divided by.
        rows = _global_size(context, batch_size_of(batch))
        size = rows if size is None else _global_size(context, size)
        scale = optimizer.scale_loss(1.0 / size)
        layers = self.layers_of_group(group)

        def gradients(batch, scale, row_scale):
            return accumulate_gradients(
                loss_fn,
                batch,
                variables,
                num_parts=self.gradient_accumulation_steps,
                scale=scale,
                row_scale=row_scale,
                layers=layers,
            )

        if num_replicas > 1 and self.jit_compile:
            gradients = tf.function(gradients, jit_compile=True)
        grads, losses, terms = gradients(batch, scale, scale * size / rows)
        if num_replicas > 1:
            grads = sum_over_replicas(context, grads)
        grads = with_penalties(grads, variables, scale * size)
        terms = {**terms, **self.gradient_terms(group, grads, scale * size)}
        optimizer.apply(grads, variables)
        return losses, terms

    def gradient_terms(self, group, grads, scale):
        """What is reported of an update's gradients; by default nothing.

        Args:
            group: str. Key of `optimizer_groups`.
            grads: list of the gradients of the global batch, one a variable.
            scale: float scalar by which they are too large, of the loss
                scaling of float16.

        Returns:
            dict of scalars or `(batch_size,)` tensors, as terms of losses.
        """
        return {}

    def layers_of_group(self, group):
        """The layers whose added losses an update minimizes, too.

        Args:
            group: str. Key of `optimizer_groups`.
        """
        return self._flatten_layers()

    def train_step(self, data):
        """One update on the weighted mean of the losses of a batch.

        Noise is drawn outside of what is compiled and shared out: an example
        takes its seed with it.
        """
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        seeds = None
        if self.training_seeds is not None:
            step = ops.convert_to_tensor(self.updates)
            seeds = self.training_seeds.of_batch(batch_size_of(x), step)

        def loss_fn(batch):
            (x, y, sample_weight), noise = batch
            losses, terms = self.example_losses(x, y, training=True, **noise)
            counts = self.example_counts(x, y)
            losses = losses if counts is None else losses * counts
            if sample_weight is not None:
                losses = losses * tf.cast(sample_weight, losses.dtype)
            return losses, terms

        counts = self.example_counts(x, y)
        losses, terms = self.minimize(
            loss_fn,
            (
                keras.utils.unpack_x_y_sample_weight(data),
                {} if seeds is None else {"seeds": seeds},
            ),
            size=None if counts is None else tf.reduce_sum(counts),
        )
        if seeds is not None:
            self.updates.assign_add(1)
        if counts is not None:
            losses = tf.math.divide_no_nan(losses, counts)
        return self.track(losses, terms, counts)

    def test_step(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        losses, terms = self.example_losses(x, y, training=False)
        if sample_weight is not None:
            losses = losses * tf.cast(sample_weight, losses.dtype)
        return self.track(losses, terms, self.example_counts(x, y))

    def example_losses(self, x, y, *, training, seeds=None):
        """What training minimizes, and what it reports.

        Args:
            x: inputs of a batch.
            y: targets, or None.
            training: bool.
            seeds: `(batch_size,)` seeds of the noise of training, in a model
                that draws any; None outside of training.

        Returns:
            `(batch_size,)` losses and a dict of `(batch_size,)` terms, each
            fed to the metric of that name.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must say what it minimizes: override "
            "`example_losses`, or `train_step` and `test_step`."
        )

    def example_counts(self, x, y):
        """What each example counts in the mean: its tokens, say.

        Returns:
            `(batch_size,)` float32 tensor, or None where all count alike.
        """
        return None

    def track(self, losses, terms, counts=None):
        """Updates the loss and the metrics named as the terms.

        Args:
            losses: `(batch_size,)`.
            terms: dict: name of a metric -> `(batch_size,)` values, or a pair
                of values and what each counts.
            counts: what each loss counts, or None.

        Returns:
            dict of the metrics' present values.
        """
        self._loss_tracker.update_state(losses, sample_weight=counts)
        metrics = {metric.name: metric for metric in self.metrics}
        for name, values in terms.items():
            if not isinstance(values, tuple):
                values = (values,)
            metrics[name].update_state(*values)
        return self.get_metrics_result()

    def check_inputs(self, x, name="x"):
        """Checks examples and returns them as a tensor.

        Args:
            x: array or tensor of examples.
            name: str. What error messages call it.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        return x

    def check_targets(self, y, x):
        """Checks what comes with checked examples; by default a condition.

        Args:
            y: targets of a batch, or None.
            x: checked examples.

        Returns:
            Checked targets, or None.

        Raises:
            ValueError: if a conditional model gets none, or another one some
                (in a graph: `InvalidArgumentError`, where values are wrong).
        """
        conditions = self.condition_inputs()
        if not (conditions or self.takes_targets or y is None):
            raise ValueError(self._takes_no("targets"))
        for name, each in conditions.items():
            if y is None:
                raise ValueError(each.missing)
            y = each.read(name, y, batch_size_of(x))
        return y

    def check_batch(self, x, y=None, sample_weight=None):
        """Checks a batch, or a whole data set in arrays.

        Returns:
            Checked `x`, `y` and `sample_weight`.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        x = self.check_inputs(x)
        y = self.check_targets(y, x)
        if y is not None:
            x = _with_rows_of(x, y)
        if sample_weight is not None:
            sample_weight = self.check_sample_weight(sample_weight, x)
        return x, y, sample_weight

    def check_sample_weight(self, sample_weight, x):
        """Checks that there is one weight for each example."""
        weights = as_floats(sample_weight, "sample_weight")
        if weights.shape.rank != 1 or not weights.shape.is_compatible_with(
            x.shape[:1]
        ):
            raise ValueError(
                "`sample_weight` must hold one weight for each example, shape "
                f"{tuple(x.shape[:1])}. Received: "
                f"shape={tuple(weights.shape)}. Flatten a column: "
                "`sample_weight.reshape(-1)`; there are no weights of steps."
            )
        weights = ensure(
            weights,
            tf.equal(tf.shape(weights)[0], tf.shape(x)[0]),
            "`sample_weight` must hold one weight for each example.",
        )
        return ensure(
            weights,
            tf.reduce_all(tf.math.is_finite(weights) & (weights >= 0.0)),
            "`sample_weight` must be finite and at least 0. Received at least "
            "one other weight.",
        )

    def as_examples(self, x, y=None, sample_weight=None):
        """What `fit` is given as its examples; one may become several.

        Args:
            x, y, sample_weight: as for `fit`.

        Returns:
            The three.
        """
        return x, y, sample_weight

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        **kwargs,
    ):
        """Trains as `keras.Model.fit` does; all data are checked before.

        Args:
            x: arrays, `tf.data.Dataset`, generator or `PyDataset`.
            y: what belongs to arrays, if anything.
            batch_size, epochs, verbose: as for `keras.Model.fit`.
            callbacks: as for `keras.Model.fit`. Those that monitor a metric of
                the model know its direction.
            validation_split: as for `keras.Model.fit`.
            validation_data: `(x, y)` or `(x, y, sample_weight)`, an array, a
                list of texts or a data set.
            shuffle: as for `keras.Model.fit`.
            class_weight: dict of class to weight, of a classifier.
            sample_weight: one weight for each example.
            **kwargs: as for `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        epochs = as_int(epochs, "epochs", minimum=0)
        shuffle = check_flags(shuffle=shuffle)
        batch_size = as_int(batch_size, "batch_size", minimum=1, optional=True)
        kwargs = method_options(self, "fit", {**kwargs, "verbose": verbose})
        first_epoch = kwargs.get("initial_epoch") or 0
        if first_epoch > epochs:
            raise ValueError(
                "`epochs` is the number of the last epoch, those before "
                "`initial_epoch` included: nothing would be learned. Received: "
                f"initial_epoch={first_epoch}, epochs={epochs}"
            )
        callbacks = as_callbacks(callbacks)
        data = self.as_examples(x, y, sample_weight)
        if validation_split and validation_data is None and holds_rows(data[0]):
            # Before weights of classes, which validation does not have.
            data, validation_data = split_off(
                self.check_batch, validation_split, *data
            )
            validation_split = 0.0
        check = self.check_batch
        if class_weight is not None:
            check = weights_of_classes(self, class_weight)
        x, y, sample_weight = checked_data(
            check, *data, batch_size=batch_size, shuffle=shuffle
        )
        if validation_data is not None:
            validation_data = self.as_examples(*as_data(validation_data))
            validation_batch_size = kwargs.get("validation_batch_size")
            if holds_rows(validation_data[0]):
                validation_batch_size = validation_batch_size or batch_size
            validation_data = checked_data(
                self.check_batch,
                *validation_data,
                batch_size=validation_batch_size,
            )
            if not hasattr(validation_data[0], "__array__"):
                validation_data = validation_data[0]
        if isinstance(callbacks, list):
            check_rates_are_free(self, callbacks)
            tell_directions(self, callbacks)
        return super().fit(
            x,
            y,
            batch_size,
            epochs,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            # Of what comes in batches Keras would warn that it does not.
            shuffle=shuffle
            and not (isinstance(x, tf.data.Dataset) or hasattr(x, "__next__")),
            sample_weight=sample_weight,
            **kwargs,
        )

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        **kwargs,
    ):
        batch_size = as_int(batch_size, "batch_size", minimum=1, optional=True)
        kwargs["verbose"] = verbose
        kwargs = method_options(self, "evaluate", kwargs)
        if not kwargs.get("_use_cached_eval_dataset"):
            x, y, sample_weight = checked_data(
                self.check_batch,
                *self.as_examples(x, y, sample_weight),
                batch_size=batch_size,
            )
        kwargs["sample_weight"] = sample_weight
        return super().evaluate(x, y, batch_size, **kwargs)

    def predict(self, x, batch_size=None, *args, **kwargs):
        """What the model computes of examples; they are checked before.

        Args:
            x: examples, or a data set of them, as for `fit`; of pairs the
                first parts count.
            batch_size, *args, **kwargs: as for `keras.Model.predict`.

        Returns:
            What `call` returns, in NumPy arrays.

        Raises:
            ValueError: if the model is conditional, or as for `fit`.
        """

        def check(x, y=None, sample_weight=None):
            return self._check_alone(x), None, None

        batch_size = as_int(batch_size, "batch_size", minimum=1, optional=True)
        kwargs = method_options(self, "predict", kwargs)
        x, _, _ = checked_data(check, x, batch_size=batch_size)
        if isinstance(x, tf.data.Dataset) and x.cardinality() == 0:
            raise ValueError(has_no_rows("x"))
        return super().predict(x, batch_size, *args, **kwargs)

    def predict_on_batch(self, x):
        return super().predict_on_batch(self._check_alone(x))

    def train_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        kwargs = method_options(self, "train_on_batch", kwargs)
        check = self.check_batch
        if kwargs.get("class_weight") is not None:
            check = weights_of_classes(self, kwargs.pop("class_weight"))
        return super().train_on_batch(*check(x, y, sample_weight), **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        kwargs = method_options(self, "test_on_batch", kwargs)
        batch = self.check_batch(x, y, sample_weight)
        return super().test_on_batch(*batch, **kwargs)

    def condition_inputs(self):
        """What a conditional model is told of each row, beside its inputs.

        Returns:
            dict of name to `Input`, of at most one entry; empty in a model
            that is told nothing.
        """
        return {}

    def endpoints(self):
        """The uses of the model: dict of name to `Endpoint`.

        A class without any exports as Keras does.
        """
        return {}

    def ask(self, use, num_rows=None, *, batch_size=256, **values):
        """Asks an endpoint in Python.

        Args:
            use: str. A key of `endpoints()`; or an `Endpoint`.
            num_rows: int, or None: the rows of the answer, where no input says.
            batch_size: int. Rows worked off at once.
            **values: the inputs by name; None takes the default.

        Returns:
            The output, or a dict of them by name where there are several.

        Raises:
            ValueError: if an input is missing, unknown, or not what the model
                takes.
        """
        endpoint = self.endpoints()[use] if isinstance(use, str) else use
        for name in values.keys() - endpoint.inputs.keys():
            if values[name] is not None:
                raise ValueError(self._takes_no(name))
        if num_rows is not None:

            def ask_one(**values):
                return self.ask(endpoint, 1, **values)

            check_room(ask_one, values, num_rows)
        try:
            inputs = endpoint.check(values, num_rows)
            result = self.apply(
                endpoint.run,
                *endpoint.prepare(**inputs),
                batch_size=batch_size,
                jit_compile=endpoint.jit_compile,
            )
        except tf.errors.ResourceExhaustedError as error:
            raise ValueError(no_room(error)) from error
        answers = endpoint.answers(result, inputs)
        return answers if len(answers) > 1 else next(iter(answers.values()))

    def apply(self, method, *rows, batch_size=256, jit_compile="auto"):
        """Runs a method of tensors on rows: compiled, in slices; or in a graph.

        Args:
            method: callable whose row i depends on its rows i.
            *rows: tensors `(num_rows, ...)`, or structures of such.
            batch_size: int. Rows of a slice.
            jit_compile: as for `compile_method`.

        Returns:
            What the method returns, for all rows.
        """
        if not rounds_sizes_up():
            return method(*rows)
        method = self.compile_method(method, jit_compile)
        return map_rows(method, rows, batch_size)

    def compile_method(self, method, jit_compile="auto"):
        """A method of this model as one XLA program per input shape.

        Args:
            method: bound method of tensors.
            jit_compile: bool, or `"auto"`: not where a layer runs what XLA
                cannot compile, such as cuDNN on a GPU.

        Returns:
            A `tf.function`, the same one at every call.
        """
        # Not an attribute Keras sees: it would be saved with the weights.
        functions = self.__dict__.setdefault("_compiled_methods", {})
        if jit_compile == "auto":
            layers = self._flatten_layers()
            jit_compile = all(layer.supports_jit for layer in layers)
        if method.__name__ not in functions:
            functions[method.__name__] = tf.function(
                method,
                jit_compile=jit_compile,
                autograph=False,
                reduce_retracing=False,
            )
        return functions[method.__name__]

    def save(self, filepath, *args, **kwargs):
        """Saves the model as `keras.Model.save` does, to a `.keras` file.

        Args:
            filepath: path that ends in `.keras`.
            *args, **kwargs: passed to `keras.Model.save`.

        Raises:
            ValueError: if the path ends otherwise.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                "HDF5 cannot hold a model of this kind: save it as `.keras`, "
                'or its weights by `save_weights("model.weights.h5")`. '
                f"Received: filepath={str(filepath)!r}"
            )
        super().save(filepath, *args, **kwargs)

    def quantize(self, mode=None, **kwargs):
        """Is refused: a model's uses read weights as the floats they are.

        Args:
            mode: str, and
            **kwargs: as for `keras.Model.quantize`.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{type(self).__name__} cannot be quantized in place: what it is "
            "asked reads its weights as floats. What is served can: "
            '`export(path, weights="int8")`, or "float16". '
            f"Received: mode={mode!r}"
        )

    def serving_signatures(self, max_steps=MAX_STEPS):
        """What `export` offers: dict of name to `Signature`.

        Args:
            max_steps: int. The most steps that a request may ask of one row.

        Raises:
            ValueError: if `max_steps` is no positive int.
        """
        return {
            name: endpoint.signature(max_steps)
            for name, endpoint in self.endpoints().items()
        }

    def export(
        self,
        filepath,
        format="tf_saved_model",
        *,
        max_steps=None,
        weights="float32",
        runtimes=(),
        **kwargs,
    ):
        """Writes a SavedModel with the model's own signatures.

        Args:
            filepath: path of the new folder; an older SavedModel is replaced
                at once.
            format: `"tf_saved_model"`; any other format, and a class without
                endpoints, are left to `keras.Model.export`.
            max_steps: int. The most that a served request may ask of one row:
                steps of a sequence, bytes of a text, steps to draw. By default
                65,536.
            weights: `"float32"`, `"float16"` or `"int8"`: how the trainable
                matrices are kept.
            runtimes: sequence of `"onnx"` and `"litert"`: signatures of fixed
                tensors are also written for these, in `assets.extra`.
            **kwargs: passed to `keras.Model.export` in that case.

        Raises:
            ValueError: if `filepath` holds something that is not a SavedModel.
            OSError: if the folder cannot be written.
        """
        if format != "tf_saved_model" or not self.endpoints():
            super().export(filepath, format=format, **kwargs)
            return
        write_saved_model(
            self,
            filepath,
            max_steps=max_steps,
            weights=weights,
            runtimes=runtimes,
        )

    def _check_alone(self, x):
        """Checks examples that come without the condition of a model."""
        for name in self.condition_inputs():
            raise ValueError(
                f"This model is told a `{name}` of each row, which `predict` "
                f"cannot be: call `model(x, {name})`, or one of its uses: "
                f"{', '.join(self.endpoints())}."
            )
        return self.check_inputs(x)

    def needs_targets(self, what="targets"):
        """The sentence for data of `x` alone, of a model that learns pairs."""
        return (
            f"{type(self).__name__} learns {what}: give pairs `(x, y)`. "
            "Received `x` alone."
        )

    def _takes_no(self, name):
        """The sentence for a condition that a model cannot be told."""
        remedy = "."
        if any("num_classes" in vars(c) for c in type(self).__mro__):
            remedy = ", or make it with `num_classes=`, if it can be told."
        return (
            f"{type(self).__name__} takes no {name}: it models `x` alone. "
            f"Leave them out: pass `x`, not `(x, y)`{remedy}"
        )


def _global_size(context, size):
    """The sum of the replicas' sizes, at least 1, float32."""
    if context.num_replicas_in_sync > 1:
        size = context.all_reduce(tf.distribute.ReduceOp.SUM, size)
    return tf.maximum(tf.cast(size, tf.float32), 1.0)


def _with_rows_of(x, y):
    """Refuses targets that are not as many as the examples."""
    num_rows = [tf.shape(keras.tree.flatten(part)[0])[0] for part in (x, y)]
    return ensure(
        x,
        tf.equal(*num_rows),
        "There must be as many targets as examples: `y` must have a row for "
        "each row of `x`.",
    )
