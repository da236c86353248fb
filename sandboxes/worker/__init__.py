"""The program inside the container: standard library only, and nothing of ours outside this folder.

The host sends these modules' source over the supervisor's standard input when it starts it, so the same worker serves
every image and every kind of sandbox, needs no mount, and always has the host's version.

    supervisor   one request at a time: fork a child, watch it, clean up after it, answer
    child        what the forked child does before, around and after the program
    inputs       files and pages that the program reads and no one gave it
    literals     which paths a program writes down, and what for
    kinds        which kind of data a path or an address names
    web          what is asked of the web, answered without one
    observer     the API call, wrapped, so that having been called and having returned can be seen
    classify     from an exception to a failure's category
    watch        CPU, idle time, memory and processes of all that a program started
    cleanup      nothing of a program is left, and the proof of it
    kernel       what Linux says of a process, and the few calls Python has no name for
    wire         messages: four bytes of length, then JSON
"""

MODULES = (
    *("kernel", "wire", "kinds", "literals", "web", "inputs"),
    *("classify", "observer", "child", "watch", "cleanup", "supervisor"),
)
