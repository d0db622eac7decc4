"""Ask many questions at once with asyncio, and show what the router has learned.

    many.py CONFIG_FILE MODEL_GROUP
"""

import asyncio
import json
import sys

from hedgerouter import HedgeRouterError, Router


async def ask(router, model, number):
    question = [{"role": "user", "content": f"What is {number} times {number}?"}]
    try:
        answer = await router.acompletion(model=model, messages=question, timeout=30)
        return answer.choices[0].message.content
    except HedgeRouterError as error:
        return f"failed: {error}"


async def main(config, model):
    async with Router(config) as router:
        for answer in await asyncio.gather(*(ask(router, model, number) for number in range(10))):
            print(answer)
        print(json.dumps(router.stats(), indent=2))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
