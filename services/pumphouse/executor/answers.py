"""What a runner's answer to a job amounts to."""

from pumphouse.contracts.vocabulary import Status
from pumphouse.executor.descriptors import close_aside
from pumphouse.executor.endings import Ending, failed, vanished
from pumphouse.executor.faults import PlatformFault, UnusableOutput
from pumphouse.executor.frames import CHANNEL_MISUSED, Answer, Failed, Returned, Unfit
from pumphouse.executor.output_files import snapshots
from pumphouse.executor.work import Work


async def ending_of(answer: Answer, work: Work) -> Ending:
    """The end that the answer means, its files copied and closed. Raises PlatformFault."""
    match answer:
        case Returned():
            try:
                return await _taken(answer, work)
            except UnusableOutput as error:
                return failed(error.message)
            finally:
                close_aside([file.descriptor for file in answer.files])
        case Failed(message):
            return failed(message)
        case Unfit(message):
            raise PlatformFault(f"A runner is of no use: {message}")
        case _:
            return vanished(None)


async def _taken(returned: Returned, work: Work) -> Ending:
    if not returned.files:
        return Ending(Status.SUCCEEDED, outputs=returned.outputs)
    outputs = [file.output for file in returned.files]
    if len(set(outputs)) < len(outputs) or not set(outputs) <= set(work.job.files):
        return failed(CHANNEL_MISUSED.message)
    files = await snapshots(returned.files, work.outbox)
    return Ending(Status.SUCCEEDED, outputs=returned.outputs, files=files)
