"""Requests that wait for a free thread run together."""

import asyncio
import dataclasses
import time
from typing import Any

import numpy as np
import tensorflow as tf

from training.serving.request_error import request_error_of


@dataclasses.dataclass(eq=False)
class _Request:
    arrays: dict[str, np.ndarray]
    rows: int | None
    deadline: float
    answer: asyncio.Future


class Batcher:
    """Runs the requests of one servable, as many at once as wait.

    A request that finds a thread free runs at once and alone. While all are
    busy, requests of the same signature and shapes gather, and the next run
    takes them together: nobody waits for a batch to fill. Where a batch fails
    it is halved until the request that failed is alone, so that one that the
    model refuses is refused alone.

    Args:
        servable: `Servable`.
        executor: executor whose threads run the model.
        num_threads: int. How many of them one kind of requests may take.
        max_rows: int. The most rows of a batch of several requests.
        on_batch: callable that gets the number of requests of each run.
    """

    def __init__(self, servable, executor, num_threads, max_rows, on_batch):
        self.servable = servable
        self._executor = executor
        self._num_threads = num_threads
        self._max_rows = max_rows
        self._on_batch = on_batch
        self._waiting: dict[Any, list[_Request]] = {}
        self._workers: dict[Any, set[asyncio.Task]] = {}

    async def answer(self, signature, arrays, deadline):
        """Answers one request.

        Args:
            signature: str.
            arrays: dict of name to array, as `Servable.cast` returns it.
            deadline: float, of `time.monotonic()`.

        Returns:
            dict of name to array.

        Raises:
            RequestError: if the model refuses it, or does not answer in time.
        """
        rows = self.servable.num_rows(signature, arrays)
        kind = _kind(signature, arrays) if rows else object()
        answer = asyncio.get_running_loop().create_future()
        request = _Request(arrays, rows, deadline, answer)
        self._waiting.setdefault(kind, []).append(request)
        workers = self._workers.setdefault(kind, set())
        if len(workers) < self._num_threads:
            worker = asyncio.create_task(self._work(kind, signature))
            workers.add(worker)
        return await answer

    async def _work(self, kind, signature):
        try:
            while self._waiting[kind]:
                batch = self._take(self._waiting[kind])
                if batch:
                    await self._run(signature, batch)
        finally:
            workers = self._workers[kind]
            workers.discard(asyncio.current_task())
            if not workers:
                # No request came since the loop above saw an empty list.
                del self._workers[kind], self._waiting[kind]

    def _take(self, waiting):
        """Takes the next batch out of a list: those that nobody gave up."""
        batch, rows = [], 0
        while waiting:
            request = waiting[0]
            if not request.answer.done():
                if batch and rows + request.rows > self._max_rows:
                    break
                batch.append(request)
                rows += request.rows or 0
            waiting.pop(0)
        return batch

    async def _run(self, signature, batch):
        self._on_batch(len(batch))
        try:
            answers = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._answers, signature, batch
            )
        except tf.errors.DeadlineExceededError as error:
            _give(batch, request_error_of(error))
        except Exception as error:
            if len(batch) == 1:
                known = isinstance(error, (tf.errors.OpError, ValueError))
                _give(batch, request_error_of(error) if known else error)
                return
            middle = len(batch) // 2
            await self._run(signature, batch[:middle])
            await self._run(signature, batch[middle:])
        else:
            for request, answer in zip(batch, answers, strict=True):
                if not request.answer.done():
                    request.answer.set_result(answer)

    def _answers(self, signature, batch):
        """Answers of a batch, in a thread."""
        timeout = max(r.deadline for r in batch) - time.monotonic()
        arrays = batch[0].arrays
        if len(batch) > 1:
            arrays = {
                name: np.concatenate([r.arrays[name] for r in batch])
                for name in arrays
            }
        outputs = self.servable.run(signature, arrays, timeout)
        if len(batch) == 1:
            return [outputs]
        ends = np.cumsum([request.rows for request in batch])
        if any(len(value) != ends[-1] for value in outputs.values()):
            raise ValueError("The model gives no row for each row.")
        return [
            {name: value[end - r.rows : end] for name, value in outputs.items()}
            for r, end in zip(batch, ends, strict=True)
        ]


def _kind(signature, arrays):
    shapes = tuple((k, v.shape[1:]) for k, v in sorted(arrays.items()))
    return signature, shapes


def _give(batch, error):
    for request in batch:
        if not request.answer.done():
            request.answer.set_exception(error)
