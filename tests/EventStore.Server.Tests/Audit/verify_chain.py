"""Follows the chain of an exported history, with nothing but the file: python3 verify_chain.py history.ndjson"""
import datetime
import hashlib
import json
import sys


def netstring(value):
    """5:admin, with the length in bytes of UTF-8; what is null is :,"""
    data = str(value).encode()
    return b":," if value is None else b"%d:%s," % (len(data), data)


def fields(line, event):
    time = datetime.datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%S.%fZ") - datetime.datetime(1970, 1, 1)
    groups = None if event["groups"] is None else json.dumps(event["groups"], ensure_ascii=False)
    data = line[line.index(',"data":') + len(',"data":'):line.rindex("}")]  # byte for byte as it stands there
    more = [json.dumps(event["impersonatedBy"], ensure_ascii=False)] if "impersonatedBy" in event else []
    if "reason" in event:
        more = (more or [None]) + [event["reason"]]
    return [event["previousHash"], event["revision"], event["uid"], event["version"], event["type"], time // datetime.timedelta(microseconds=1),
            event["user"], groups, event["userAgent"], event["sourceAddress"], event["requestId"], data] + more


last = None
for number, line in enumerate(open(sys.argv[1], encoding="utf-8", newline="\n"), 1):
    event = json.loads(line)
    if "checkpoint" in event:
        end = event["checkpoint"]
        if last not in (None, end["hash"]):
            sys.exit("the chain does not end where the last line says")
        print(f"{end['events']} events: the chain is whole, up to revision {end['revision']}, hash {end['hash']}")
        sys.exit(0)
    digest = hashlib.sha256(b"".join(map(netstring, fields(line, event)))).hexdigest()
    if last not in (None, event["previousHash"]) or digest != event["hash"]:
        sys.exit(f"line {number}, revision {event['revision']}: the chain is broken")
    last = digest
sys.exit("the file was cut off: it does not end in a checkpoint")
