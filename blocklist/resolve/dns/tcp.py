"""One DNS query over TCP (RFC 7766): query -> answer, when it does not fit into a datagram."""

import asyncio

from blocklist.resolve.dns.servers import ResolverAddress


async def exchange_over_tcp(server: ResolverAddress, query: bytes, timeout: float) -> bytes:
    """Send a query and return what comes back; raise `OSError` or `TimeoutError` when nothing does.

    A message has its length before it, so more than 64 KiB never arrive.
    """
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(server.address, server.port)
        try:
            writer.write(len(query).to_bytes(2, "big") + query)
            size = int.from_bytes(await reader.readexactly(2), "big")
            return await reader.readexactly(size)
        except asyncio.IncompleteReadError:
            raise ConnectionError("the answer was cut off") from None
        finally:
            writer.close()
