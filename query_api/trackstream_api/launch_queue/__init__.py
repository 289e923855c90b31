"""Executing the launches of a queue: `trackstream launch-worker`.

board      what of a queue is not over, as one reads it: `log_board` from the log, `api_board` from a server
decision   what a worker does about it; pure
worker     does it, again and again
execution  one launch that is executed here
"""
