"""Uses that must not type-check: each line fails with the code in its comment, or the comment is an error itself. Never run."""

import numpy as np

import lightwork as lw

x = np.zeros(3)
pool = lw.Pool(2)

lw.chunked_map(np.sqrt, x, worker=2)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
lw.chunked_map(np.sqrt, x, workers="2")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
lw.chunked_map(np.sqrt, x, chunk_size=1.5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
lw.chunked_map(np.sqrt, x, axis=None)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
lw.chunked_map(np.sqrt, x, out=[0.0])  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
lw.chunkedmap(np.sqrt, x)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
lw.chunked_map(np.sqrt, x, executor="serial")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
lw.chunked_map()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]

lw.reduce(max, x)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.reduce(np.add, x, axis=0.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.accumulate(np.add, x, axis=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.minmax(x, keepdims=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
lw.map_reduce(np.sum, x)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
lw.map_reduce(np.sum, x, combine=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

lw.configure(retry=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.configure(shared_memory=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.configure(workers="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

lw.Pool("4")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
pool.submit(len)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
pool.submit(len, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
text: str = pool.submit(len, "abc").result()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

lw.statistics().n_workers = 3  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
lw.statistics().chunk  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

result = lw.ParallelResult(None, [1, 2], {})
text = result[0]  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
result.ok = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
result[0] = 3  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
lw.ItemResult(0, value="x").value.upper()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
lw.should_use_processes(len)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
lw.should_use_processes(len, [1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
lw.report_progress("half")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.parallel_map(len, ["a"], progress=print)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
lw.parallel_map(len, ["a"], n_jobs=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
lw.parallel_iter(len, ["a"], executor="process?")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

lw.Retry(3, 1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
lw.Retry(attempts="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Retry(jitter="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Retry(on=KeyboardInterrupt)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Retry(when="later")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Retry(on_retry=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Retry().attempts = 4  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
lw.Retry().call(len)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
lw.Retry().call(len, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Retry()(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

lw.RateLimit("10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.RateLimit(10, "fortnight")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Limiter("10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Limiter(10).acquire(cost="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Limiter(10).line_up(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.Limiter.all(10)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.StopToken().on_stop(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
lw.StopToken().is_stopped = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
