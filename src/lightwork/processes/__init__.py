"""
What worker processes share with the one that they work for: the memory of arrays.

Who sends a call's work to processes has one ``Segments`` for the call. What ``segments.dumps(obj)`` returns as its ``payload`` goes
to a worker, which gets the object by ``loads``; ``segments.release`` is told when the worker is done with it. If large arrays may come
back, an ``Answer`` is made for each task: its token travels with the payload, the worker returns ``answer_with(result, token)``, and
``answer.loads`` has the result. All memory is the sender's, so that there is nothing to clean up after a worker, and it has no name, so
that there is nothing to clean up after the sender.
"""
