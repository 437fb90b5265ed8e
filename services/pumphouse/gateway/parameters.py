"""The parts of addresses that routes share, as the document of the API shows them."""

from pumphouse.gateway.described import Parameter
from pumphouse.gateway.names import Identifier, Name

PIPELINE = (Parameter("name", "Name of the pipeline.", Name),)
DEPLOYMENT = (Parameter("name", "Name of the deployment.", Name),)
EXECUTION = (Parameter("execution_id", "Id of the execution.", Identifier),)
