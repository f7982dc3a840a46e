#!/usr/bin/env python3
"""Makes classes.txt: the SDKs' names of exceptions that are not called like their codes.

    generate.py > classes.txt

A row, sorted by bytes: service, code as it is on the wire, name of the exception's class. The facts
are those of botocore's service models; it needs botocore. A code that a service gives two names is
left out.
"""

import botocore
import botocore.session

# Newer models of SQS no longer have its codes. Source: the trait awsQueryError of AWS's Smithy
# model of SQS (aws/api-models-aws).
SQS = {
    "AWS.SimpleQueueService.BatchEntryIdsNotDistinct": "BatchEntryIdsNotDistinct",
    "AWS.SimpleQueueService.BatchRequestTooLong": "BatchRequestTooLong",
    "AWS.SimpleQueueService.EmptyBatchRequest": "EmptyBatchRequest",
    "AWS.SimpleQueueService.InvalidBatchEntryId": "InvalidBatchEntryId",
    "AWS.SimpleQueueService.MessageNotInflight": "MessageNotInflight",
    "AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExist",
    "AWS.SimpleQueueService.PurgeQueueInProgress": "PurgeQueueInProgress",
    "AWS.SimpleQueueService.QueueDeletedRecently": "QueueDeletedRecently",
    "AWS.SimpleQueueService.TooManyEntriesInBatchRequest": "TooManyEntriesInBatchRequest",
    "AWS.SimpleQueueService.UnsupportedOperation": "UnsupportedOperation",
    "KMS.AccessDeniedException": "KmsAccessDenied",
    "KMS.DisabledException": "KmsDisabled",
    "KMS.InvalidKeyUsageException": "KmsInvalidKeyUsage",
    "KMS.InvalidStateException": "KmsInvalidState",
    "KMS.NotFoundException": "KmsNotFound",
    "KMS.OptInRequired": "KmsOptInRequired",
    "KMS.ThrottlingException": "KmsThrottled",
    "QueueAlreadyExists": "QueueNameExists",
}


def classes(model):
    """The classes of each code."""
    codes = {}
    for shape in model.error_shapes:
        codes.setdefault(shape.error_code, set()).add(shape.name)
    return codes


def rows():
    session = botocore.session.get_session()
    for service in session.get_available_services():
        codes = classes(session.get_service_model(service))
        if service == "sqs":
            codes |= {code: {name} for code, name in SQS.items()}
        for code, names in codes.items():
            if len(names) == 1 and names != {code}:
                yield " ".join([service, code, *names])


if __name__ == "__main__":
    print("# Made by generate.py of botocore", botocore.__version__)
    print("\n".join(sorted(rows())))
