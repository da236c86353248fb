"""The program inside the container: standard library only, and nothing of apigauge outside this folder.

When the host starts the supervisor, it sends it the source of these modules over standard input. So the same worker
serves every image and every kind of sandbox, needs no mount, and always has the host's version.

    supervisor   one request at a time: fork a child, watch it, clean up after it, answer
    program_run  one program, from its fork to its verdict
    child        what the forked child does before, around and after the program
    report       what the child tells the supervisor
    inputs       small valid files and pages for what the program reads and nobody provided
    literals     which paths a program's text contains, and what it uses them for
    kinds        which kind of data a path or an address names
    web          answers to web requests, without a network
    names        where a program will look up what it calls
    arguments    what a call was given, as Python literals
    stack        a stack on which nothing is below the program
    deprecations warnings that what a program uses will not stay
    tested       an item's tests, behind its program
    honest       objects that lie to tests about being equal
    exits        exits by a program's very last statement
    syscalls     system calls that a program without an engine's filter may not make
    hidden       code without names, whose frames no stack shows
    genuine      whether a function still does what it did
    sites        the program's own calls of what no function can replace
    observer     a wrapper around the API call, so that the call and its return can be observed
    classify     from an exception to a failure's category
    watch        CPU, idle time, memory and processes of all that a program has started
    stops        what a child's stop means: its end, its call's return, a call to be recorded
    accounts     the names of a program's user and group
    cleanup      removes everything a program leaves behind, and checks that nothing is left
    kernel       what Linux reports about a process, and system calls that Python lacks
    wire         messages: four bytes of length, then JSON
"""

MODULES = (
    *("kernel", "wire", "kinds", "literals", "web", "inputs", "classify", "names", "arguments"),
    *("syscalls", "stack", "hidden", "genuine", "tested", "observer", "sites", "exits"),
    *("deprecations", "honest", "report", "child"),
    *("watch", "stops", "cleanup", "accounts", "program_run", "supervisor"),
)
