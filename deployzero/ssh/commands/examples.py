"""An example of every command, shown by its help and run by the permission test.

There `hello` stands for an app and `ada` for a user. A test fails for a command without one.
"""

EXAMPLES = {
    "apps:create": "apps:create hello",
    "apps:list": "apps:list --json",
    "apps:info": "apps:info hello",
    "apps:rename": "apps:rename hello hi",
    "apps:destroy": "apps:destroy hello --confirm hello",
    "apps:lock": "apps:lock hello",
    "apps:unlock": "apps:unlock hello",
    "apps:locked": "apps:locked hello",
    "apps:exists": "apps:exists hello",
    "apps:url": "apps:url hello",
    "ps": "ps hello",
    "access:add": "access:add hello ada --role viewer",
    "access:list": "access:list hello",
    "access:remove": "access:remove hello ada",
    "access:transfer": "access:transfer hello ada",
    "keys:add": "keys:add < ~/.ssh/id_ed25519.pub",
    "keys:list": "keys:list",
    "keys:remove": "keys:remove laptop",
    "users:add": "users:add ada",
    "users:list": "users:list",
    "users:remove": "users:remove ada",
    "users:role": "users:role ada admin",
    "events": "events -t",
    "help": "help ps",
    "version": "version",
    "whoami": "whoami",
}
