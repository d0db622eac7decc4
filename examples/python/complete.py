from hedgerouter import Router

with Router("router.json") as router:
    question = [{"role": "user", "content": "Say hello."}]

    answer = router.completion(model="chat", messages=question)
    print(answer.choices[0].message.content)

    for chunk in router.completion(model="chat", messages=question, stream=True):
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()
