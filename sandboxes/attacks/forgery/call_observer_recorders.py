"""Calls whatever it finds in the observer's wrapper, its closure, its constants and its globals, but not the API."""
# expect: passed | killed
# stage: 2
# callee: json.loads
import json

wrapper = json.loads
original = next(one for one in json.loads.__code__.co_consts if isinstance(one, type(json.dumps)))
things = [*wrapper.__code__.co_consts, *(cell.cell_contents for cell in wrapper.__closure__ or ())]
if original:
    for thing in things:
        if isinstance(thing, list):
            thing.append(1)
        elif callable(thing) and thing is not original:
            for arguments in ((), (1,), ("json.loads",)):
                try:
                    thing(*arguments)
                except BaseException:
                    pass
