"""Speaks to the fake's realtime API with a client that others wrote for real servers: `rocketchat-async`.

The test `published_client` starts it. Arguments: the WebSocket's address, a room's id, the user name and the token of one
account, the user name and the password of another. It prints JSON: who logged in, and then the first message it hears.
"""

import asyncio
import json
import sys

from rocketchat_async import RocketChat


async def talk(address, room, name, token, other, password):
    listener, typist = RocketChat(), RocketChat()
    await listener.resume(address, name, token)
    await typist.start(address, other, password)
    heard = asyncio.Queue()
    changes = await listener.subscribe_to_channel_changes_raw(lambda change: None)
    await listener.unsubscribe(changes)
    await listener.subscribe_to_channel_messages_raw(room, heard.put_nowait)
    await typist.send_typing_event(room)
    print(json.dumps([listener.user_id, typist.user_id]), flush=True)
    print(json.dumps(await asyncio.wait_for(heard.get(), 20)), flush=True)


asyncio.run(talk(*sys.argv[1:]))
