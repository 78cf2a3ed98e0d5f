"""Decides for the agent complaint-desk: one start for each turn, a JSON line on stdin, a JSON line on stdout."""
import json
import sys


def answer(name, turn):
    """What the skill called `name` said in an earlier turn; None when it was not called, or failed."""
    calls = {call["id"]: call["skill"] for m in turn["messages"] for call in m.get("calls", [])}
    for message in turn["messages"]:
        if message["role"] == "tool" and calls[message["call"]] == name and not message.get("error"):
            return message["content"]
    return None


def decide(turn):
    customer = turn["trigger"]["customer"]
    key = f"complaints/{customer}"
    seen = answer("look_up", turn)
    if seen is None:
        return {"calls": [{"skill": "look_up", "arguments": {"key": key}}], "content": f"How often was it {customer}?"}
    count = (seen["value"] or 0) + 1
    if count >= 3:
        reason = f"{customer} complains for the {count}th time"
        return {"calls": [{"skill": "abstain", "arguments": {"reason": reason, "escalate_to": "the shop's owner"}}]}
    if answer("note", turn) is None:
        return {"calls": [{"skill": "note", "arguments": {"key": key, "value": count}}]}
    return {"finish": f"{customer}: {count}"}


if __name__ == "__main__":
    print(json.dumps(decide(json.load(sys.stdin))))
