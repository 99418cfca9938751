from nivesh.cli import main

if __name__ == "__main__":
    main()
